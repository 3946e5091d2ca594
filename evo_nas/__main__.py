"""``python -m evo_nas`` is the command ``evo-nas``."""

from .cli import main

main()
