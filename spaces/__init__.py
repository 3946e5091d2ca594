"""The search spaces that ship with evo-nas, installed as ``evo_nas.spaces``."""

if __name__ == "spaces":
    raise ImportError(
        "this folder is installed as evo_nas.spaces; use evo_nas.core.plugins.registry"
    )
