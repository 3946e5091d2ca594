"""TODO evo_nas/results/charts."""
