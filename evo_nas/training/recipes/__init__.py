"""The training recipes that ship with evo-nas, as TOML files to copy and edit; and their names."""

from __future__ import annotations

from importlib import resources

OTHER_NAMES = {"deit": "paper"}  # the paper retrains its networks as DeiT's are trained


def shipped_recipes() -> list[str]:
    """The names of the recipes that come with evo-nas."""
    files = resources.files(__name__).iterdir()
    names = {file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml")}
    return sorted(names | OTHER_NAMES.keys())
