"""TODO evo_nas/analysis/comparison."""
