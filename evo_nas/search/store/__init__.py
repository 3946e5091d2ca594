"""TODO evo_nas/search/store."""
