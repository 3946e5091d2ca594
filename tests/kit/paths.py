"""Shared weights for tests, and what holds of scores whatever the space."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from evo_nas.data.images import Images, prepare
from evo_nas.evaluation.paths import score
from evo_nas.space.space import Genome
from evo_nas.space.supernet import Supernet
from evo_nas.testing.networks import shake

TINY_RUN: dict[str, Any] = {
    "data": "digits?train=128&validation=60&test=60",
    "samples": 6,
    "population": 4,
    "finalists": 1,
    "epochs": 1,
    "finalist_epochs": 1,
    "jobs": 1,
}


def shaken(supernet: Supernet) -> Supernet:
    """Give every weight and statistic a value of its own, so that mixing any up shows."""
    shake(supernet)
    return supernet.eval()


def check_scores_alone(supernet: Supernet, genomes: Sequence[Genome]) -> None:
    """The same scores, whichever genomes are scored together."""
    run = partial(score, validation=images(), calibration=pixels(20), prepare=prepared)
    together = run(supernet, genomes)
    assert list(together) == [run(supernet, [genome])[0] for genome in genomes]


def pixels(count: int) -> torch.Tensor:
    source = torch.Generator().manual_seed(count)
    return torch.randint(0, 256, (count, 1, 8, 8), dtype=torch.uint8, generator=source)


def images() -> Images:
    return Images(pixels(40), torch.arange(40) % 10)


prepared = partial(prepare, mean=(0.5,), std=(0.3,), size=8)
