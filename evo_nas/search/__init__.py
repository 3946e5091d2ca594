"""TODO evo_nas/search."""
