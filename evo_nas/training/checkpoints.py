"""Checkpoints of trainings: whole or absent, and the last sound one is never lost."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from evo_nas.core.files import explained, refusal, write_atomically
from evo_nas.core.validation import check_regular
from evo_nas.errors import CheckpointError

MAGIC = b"evonas1\n"
HEADER_BYTES = len(MAGIC) + 32


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write a state of tensors, numbers, strings and containers of them.

    The state that was there stays beside it, in case this one is damaged later.
    """
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    payload = buffer.getvalue()
    content = MAGIC + hashlib.sha256(payload).digest() + payload
    write_atomically(path, content, kept=_previous(path))


def load_checkpoint(path: Path, say: Callable[[str], None] | None = None) -> dict[str, Any] | None:
    """The last saved state, its tensors on the CPU; None without a checkpoint.

    Where that file is damaged, or was never finished, it is the state before, and ``say`` is told;
    the damaged file is deleted, or the next one saved would put it in the place of the sound one.

    Raises:
        CheckpointError: the file is damaged, and there is no sound one before it.
        RunError: it cannot be read.
    """
    damaged: Path | None = None
    for each in (path, _previous(path)):
        if not each.exists():
            continue
        check_regular(each, CheckpointError, "checkpoint")
        with explained(each, "read"):
            content = each.read_bytes()
        payload = content[HEADER_BYTES:]
        if content[:HEADER_BYTES] != MAGIC + hashlib.sha256(payload).digest():
            damaged = damaged or each
            continue
        try:  # runs no code: a stranger may have made the file
            state = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises what it meets, of many kinds
            raise CheckpointError(
                f"checkpoint {each} is none of evo-nas: {refusal(error)}"
            ) from error
        if not isinstance(state, dict):
            raise CheckpointError(f"checkpoint {each} holds no state; delete it")
        if damaged is not None:
            if say is not None:
                say(f"checkpoint {damaged} is damaged; {each.name} before it is used instead")
            with explained(damaged, "deleted"):
                damaged.unlink()
        return state
    if damaged is not None:
        raise CheckpointError(
            f"checkpoint {damaged} is damaged; delete it, and the run repeats that training from "
            "its start"
        )
    return None


def remove_checkpoint(path: Path) -> None:
    """Delete a checkpoint and its predecessor."""
    for each in (path, _previous(path)):
        with explained(each, "deleted"):
            each.unlink(missing_ok=True)


def _previous(path: Path) -> Path:
    return path.with_name(f"{path.name}.previous")
