"""TODO evo_nas/data."""
