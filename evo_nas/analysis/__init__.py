"""TODO evo_nas/analysis."""
