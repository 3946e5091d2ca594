"""What was understood of images before anything is computed: classes, splits, what is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

TOLD = 3  # classes that a note names


@dataclass(frozen=True, slots=True)
class SplitInventory:
    """One split: where it comes from, in words, and its images by class."""

    name: str
    source: str
    counts: tuple[int, ...]

    def __len__(self) -> int:
        """The number of images."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class Inventory:
    """Classes and splits. ``left_out`` counts by kind what is beside them; ``notes`` tell more."""

    classes: tuple[str, ...] = ()
    splits: tuple[SplitInventory, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> tuple[int, ...]:
        """The images of each class in all splits together."""
        return tuple(map(sum, zip(*(split.counts for split in self.splits), strict=True)))

    @property
    def largest(self) -> tuple[str, float]:
        """The class of the most images, and its share of them."""
        counts = self.counts
        return self.classes[counts.index(max(counts))], max(counts) / sum(counts)


def inventory_of(
    classes: Sequence[str],
    splits: Sequence[tuple[str, str, npt.ArrayLike]],
    left_out: Mapping[str, int] | None = None,
    notes: Sequence[str] = (),
) -> Inventory:
    """The inventory of splits, each a name, where it comes from, and its labels (n,).

    The first is that for training. Splits that lack a class, and names of classes that are nearly
    the same, are noted.
    """
    found = tuple(
        SplitInventory(name, source, tuple(np.bincount(labels, minlength=len(classes)).tolist()))
        for name, source, labels in splits
    )
    more = [*notes, *_alike(classes), *filter(None, (_missing(classes, each) for each in found))]
    return Inventory(tuple(classes), found, dict(left_out or {}), tuple(dict.fromkeys(more)))


def _missing(classes: Sequence[str], split: SplitInventory) -> str | None:
    names = [name for name, count in zip(classes, split.counts, strict=True) if not count]
    if not names:
        return None
    return f"the {split.name} split has no image of {named_classes(names)}"


def _alike(classes: Sequence[str]) -> list[str]:
    """Classes whose names differ in case and spaces only, which are perhaps one."""
    groups: dict[str, list[str]] = {}
    for name in classes:
        groups.setdefault("".join(name.casefold().split()), []).append(name)
    return [
        f"classes {' and '.join(map(repr, names))} have nearly the same name and are kept apart"
        for names in groups.values()
        if len(names) > 1
    ]


def named_classes(names: Sequence[str]) -> str:
    """The first few of some classes, and how many more there are."""
    shown = ", ".join(map(repr, names[:TOLD]))
    more = f" and {len(names) - TOLD:,} more" if len(names) > TOLD else ""
    return f"class{'es' * (len(names) > 1)} {shown}{more}"
