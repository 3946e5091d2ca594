"""TODO evo_nas/evaluation."""
