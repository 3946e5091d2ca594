"""TODO evo_nas/core/plugins."""
