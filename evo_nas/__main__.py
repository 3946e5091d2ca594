"""``python -m evo_nas`` is the command ``evo-nas``."""

from evo_nas.cli.app import main

main()
