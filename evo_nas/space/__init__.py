"""TODO evo_nas/space."""
