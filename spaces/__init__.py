"""The search spaces that ship with evo-nas, installed as ``evo_nas.spaces``."""

if __name__ == "spaces":
    raise ImportError(
        "this folder is installed as evo_nas.spaces; reach its spaces through evo_nas.registry"
    )
