"""Steps of shared weights that train several paths: the sandwich rule with in-place distillation.

Source: Yu & Huang 2019, "Universally Slimmable Networks and Improved Training Techniques", section
3; Yu et al. 2020, "BigNAS".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from torch import Tensor, nn

from evo_nas.training.augmentation.mixup import Batch
from evo_nas.training.recipe import Phase
from evo_nas.training.teachers.distillation import distillation_loss

# Sets the path that a network of shared weights takes; it is given the network, which may be a copy
# in another process.
Selection: TypeAlias = Callable[[Any], object]
# Is told the number of a step before it; may say which paths the step trains.
BeforeStep: TypeAlias = Callable[[int], Sequence[Selection] | None]


def path_losses(
    network: nn.Module,
    forward: Callable[[Tensor], Tensor],
    batch: Batch,
    phase: Phase,
    paths: Sequence[Selection],
) -> Iterator[Tensor]:
    """The loss of each path, which is to be propagated backward before the next is asked for.

    The first path learns from the labels, the others from the logits that it gives for the same
    images. Without paths, the network learns from the labels as it is. ``forward`` gives logits of
    the network.
    """
    for select in paths[:1]:
        select(network)
    logits = forward(batch.images)
    yield batch.loss(logits, phase)
    for select in paths[1:]:
        select(network)
        yield distillation_loss(forward(batch.images), logits, "soft")
