"""TODO evo_nas/training."""
