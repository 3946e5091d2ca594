"""TODO evo_nas/core/workers."""
