"""TODO evo_nas/cli/views."""
