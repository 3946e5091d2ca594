"""TODO evo_nas/strategies/surrogate."""
