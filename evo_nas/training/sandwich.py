"""Steps of shared weights that train several paths: the sandwich rule with in-place distillation.

Source: Yu & Huang 2019, "Universally Slimmable Networks and Improved Training Techniques", section
3; Yu et al. 2020, "BigNAS".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from torch import Tensor

from .augmentation.mixup import Batch
from .recipe import Phase
from .teachers.distillation import distillation_loss

Selection: TypeAlias = Callable[[], None]  # sets the path that a network of shared weights takes
# Is told the number of a step before it; may say which paths the step trains.
BeforeStep: TypeAlias = Callable[[int], Sequence[Selection] | None]


def path_losses(
    forward: Callable[[Tensor], Tensor], batch: Batch, phase: Phase, paths: Sequence[Selection]
) -> Iterator[Tensor]:
    """The loss of each path, which is to be propagated backward before the next is asked for.

    The first path learns from the labels, the others from the logits that it gives for the same
    images. Without paths, the network learns from the labels as it is.
    """
    first, *others = paths or [lambda: None]
    first()
    logits = forward(batch.images)
    yield batch.loss(logits, phase)
    for select in others:
        select()
        yield distillation_loss(forward(batch.images), logits, "soft")
