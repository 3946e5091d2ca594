"""TODO evo_nas/results."""
