"""TODO evo_nas/sampling."""
