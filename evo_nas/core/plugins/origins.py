"""Whose code it is: evo-nas's own, what is installed or comes with Python, or somebody's files."""

from __future__ import annotations

import os
import sysconfig

OURS = "evo_nas"
PREFIX = "evo_nas_plugin_"  # of the names of packages that plug-ins' folders are
_PACKAGES = tuple(f"{os.sep}{name}-packages{os.sep}" for name in ("site", "dist"))
_FOLDERS = [sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")]
_PYTHON = tuple({path + os.sep for path in (*_FOLDERS, *map(os.path.realpath, _FOLDERS))})


def is_ours(module: str) -> bool:
    """Whether a module or package of this name comes with evo-nas."""
    return module.partition(".")[0] == OURS


def is_installed_file(file: str) -> bool:
    """Whether a file is Python's or that of an installed package."""
    return file.startswith(_PYTHON) or any(name in file for name in _PACKAGES)
