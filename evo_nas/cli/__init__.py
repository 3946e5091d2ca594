"""TODO evo_nas/cli."""
