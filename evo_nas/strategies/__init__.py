"""The search strategies that ship with evo-nas, one a file."""
