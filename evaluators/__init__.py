"""The evaluators that ship with evo-nas, installed as ``evo_nas.evaluators``."""

if __name__ == "evaluators":
    raise ImportError(
        "this folder is installed as evo_nas.evaluators; use evo_nas.core.plugins.registry"
    )
