"""TODO evo_nas/results/networks."""
