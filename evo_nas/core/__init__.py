"""TODO evo_nas/core."""
