"""Training that is done once: its weights stay in a file, and are read the next time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor, nn

from evo_nas.core.progress import Progress
from evo_nas.core.streams import Streams

from .batches import Batches
from .checkpoints import remove_checkpoint
from .loop import fit
from .recipe import Phase
from .weight_files import load_weights, save_weights
from .weights import check_weights, read_told


def train_once(
    network: nn.Module,
    batches: Batches,
    phase: Phase,
    streams: Streams,
    *,
    path: Path,
    metadata: Mapping[str, str],
    epochs: int | None,
    before_step: Callable[[int], None] | None = None,
    progress: Progress,
    what: str,
) -> list[str]:
    """Train a network on its device, or take the weights in ``path`` that are of this ``metadata``.

    Until the training is done there is a checkpoint beside ``path``.

    Returns:
        What was told of the training that bears on the result, as :func:`fit` does.
    """
    weights = load_weights(path, metadata)
    if weights is not None:
        return take_weights(network, weights, path)
    checkpoint = path.with_suffix(".checkpoint")
    notes = fit(
        network,
        batches,
        phase,
        streams,
        epochs=epochs,
        before_step=before_step,
        checkpoint=checkpoint,
        progress=progress,
        what=what,
    )
    told = {"notes": json.dumps(notes)} if notes else {}
    save_weights(path, network.state_dict(), {**metadata, **told})
    remove_checkpoint(checkpoint)
    return notes


def take_weights(network: nn.Module, weights: Mapping[str, Tensor], path: Path) -> list[str]:
    """Give a network the weights of a file, checked; what was told of their training."""
    check_weights(network, weights, str(path))
    network.load_state_dict(weights)
    notes: list[str] = read_told(path, "notes", list[str], "[]")
    return notes
