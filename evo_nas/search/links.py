"""Keeping to a folder: links in it that lead elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

from evo_nas.errors import RunError


def check_links(folder: Path) -> None:
    """Raise a RunError if a symbolic link in the folder leads out of it.

    A run folder may come from anybody, and what is written through such a link would be written
    elsewhere. The folder itself may be a link.
    """
    root = os.path.realpath(folder)
    for place, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = os.path.join(place, name)
            if not os.path.islink(path):
                continue
            target = os.path.realpath(path)
            if os.path.commonpath([root, target]) != root:
                raise RunError(
                    f"{path} is a link that leads out of the run folder, to {target}; put there "
                    "what it leads to, or remove it"
                )
