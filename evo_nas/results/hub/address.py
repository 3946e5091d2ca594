"""Model folders on the Hub by address: ``hf://owner/name``, ``hf://owner/name@revision``.

What comes from there is a stranger's: it is downloaded, and then read as any other model folder is,
whose code runs only if it is trusted. Models are not looked for anywhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from evo_nas.core.paths import absolute, expanded
from evo_nas.core.validation import shown
from evo_nas.errors import HubError
from evo_nas.space.architecture import ARCHITECTURE

PREFIX = "hf://"
_ADDRESS = re.compile(
    r"(?:hf:/{1,2})?([\w-][\w.-]*/[\w-][\w.-]*)(?:@(\S+))?"
)  # a Path has one slash
_LEFT = ("*.onnx", "*.pt2")  # of other programs


class Address(NamedTuple):
    """A repository, owner/name, and a branch, a tag or a commit in it; None is its main branch."""

    repository: str
    revision: str | None

    def __str__(self) -> str:
        return PREFIX + self.repository + (f"@{self.revision}" if self.revision else "")


def parse_address(text: str) -> Address:
    """The address in a text, with or without ``hf://``.

    Raises:
        HubError: there is none.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise HubError(
            f"{shown(text)} is no address on the Hub; write hf://owner/name or "
            "hf://owner/name@revision"
        )
    return Address(match[1], match[2])


def located(what: str | Path) -> Path:
    """The path that is meant; of an address on the Hub the folder in Hugging Face's cache.

    Raises:
        HubError: there is no such model folder, or it cannot be reached.
    """
    if not str(what).startswith(("hf:/", PREFIX)):
        return expanded(what)
    address = parse_address(str(what))
    with hub(f"{address} cannot be loaded") as hugging_face:
        folder = Path(
            hugging_face.snapshot_download(
                address.repository, revision=address.revision, ignore_patterns=list(_LEFT)
            )
        )
    if not (folder / ARCHITECTURE).is_file():
        raise HubError(f"{address} is no model folder of evo-nas: it has no {ARCHITECTURE}")
    return folder


def title(folder: Path) -> str:
    """The name of a folder; of one in Hugging Face's cache that of its repository."""
    path = absolute(folder)
    if path.parent.name == "snapshots":
        return path.parent.parent.name.rpartition("--")[2]
    return path.name


@contextmanager
def hub(what: str) -> Iterator[Any]:
    """The package huggingface_hub; what fails within is told as ``what``, in one line."""
    try:
        import huggingface_hub
    except ImportError as error:
        raise HubError(f"{what}: that needs huggingface_hub; pip install 'evo-nas[hub]'") from error
    try:
        yield huggingface_hub
    except Exception as error:  # of its own, of the network, of disks
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise HubError(f"{what}: {reason}") from error
