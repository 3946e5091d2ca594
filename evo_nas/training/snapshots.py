"""Copies of a training's state, and whether its numbers are still finite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor


def copied(state: Any) -> Any:
    """The same mappings and sequences, with copies of all tensors on the CPU."""
    if isinstance(state, Tensor):
        return state.detach().to("cpu", copy=True)
    if isinstance(state, Mapping):
        return {key: copied(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(copied(value) for value in state)
    return state


def not_finite(state: Mapping[str, Any]) -> list[str]:
    """The names of tensors with a NaN or an infinity, as in ``network.head.weight``.

    Waits once for the device, not once for each tensor.
    """
    named = list(_floats(state, ""))
    if not named:
        return []
    flags = [tensor.isfinite().all() for _, tensor in named]
    finite = torch.stack([flag.to(flags[0].device) for flag in flags]).tolist()
    return [name for (name, _), fine in zip(named, finite, strict=True) if not fine]


def _floats(state: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(state, Tensor):
        if state.is_floating_point():
            yield name, state
    elif isinstance(state, Mapping):
        for key, value in state.items():
            yield from _floats(value, f"{name}.{key}" if name else str(key))
