"""The commands, those that belong together in one module; :mod:`evo_nas.cli.app` names them."""
