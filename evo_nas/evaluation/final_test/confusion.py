"""What a network takes the images of each class for: recall by class, and what is confused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

Number = Annotated[int, Field(ge=0, lt=2**63)]


@dataclass(frozen=True, slots=True)
class Confusion:
    """The images of a split, counted by their class and the class that a network took them for.

    ``counts`` are (class, taken for, images), both classes by their place in ``classes``; what
    never happened is left out.
    """

    classes: tuple[str, ...]
    counts: tuple[tuple[Number, Number, Number], ...]

    @classmethod
    def of(
        cls, classes: Sequence[str], labels: npt.NDArray[np.int64], taken: npt.NDArray[np.int64]
    ) -> Self:
        """That of images with ``labels`` (n,) which were ``taken`` (n,) for classes."""
        pairs, images = np.unique(np.stack([labels, taken]), axis=1, return_counts=True)
        return cls(tuple(classes), tuple(zip(*pairs.tolist(), images.tolist(), strict=True)))

    @property
    def images(self) -> tuple[int, ...]:
        """The images of each class."""
        found = [0] * len(self.classes)
        for each, _, count in self.counts:
            found[each] += count
        return tuple(found)

    @property
    def recalls(self) -> tuple[float | None, ...]:
        """The share of each class's images that was recognised; None where there are no images."""
        right = {each: count for each, taken, count in self.counts if each == taken}
        return tuple(
            right.get(each, 0) / count if count else None for each, count in enumerate(self.images)
        )

    @property
    def balanced_accuracy(self) -> float:
        """The mean recall of the classes that have images."""
        known = [recall for recall in self.recalls if recall is not None]
        return sum(known) / len(known)

    @property
    def accuracy(self) -> float:
        """The share of all images that was recognised."""
        return sum(n for each, taken, n in self.counts if each == taken) / sum(self.images)

    @property
    def missing(self) -> tuple[str, ...]:
        """The classes without images."""
        counted = zip(self.classes, self.images, strict=True)
        return tuple(name for name, count in counted if not count)

    @property
    def by_recall(self) -> list[tuple[str, float, int]]:
        """Classes that have images, with their recall and images, the lowest recall first."""
        known = zip(self.classes, self.recalls, self.images, strict=True)
        found = [(name, recall, count) for name, recall, count in known if recall is not None]
        return sorted(found, key=lambda each: each[1])

    @property
    def confused(self) -> list[tuple[str, str, int]]:
        """Classes that were taken for others, with their images, the most frequent first."""
        wrong = [(each, taken, count) for each, taken, count in self.counts if each != taken]
        wrong.sort(key=lambda each: -each[2])
        return [(self.classes[each], self.classes[taken], count) for each, taken, count in wrong]

    @property
    def matrix(self) -> list[list[int]]:
        """All counts: rows are classes, columns what they were taken for."""
        rows = [[0] * len(self.classes) for _ in self.classes]
        for each, taken, count in self.counts:
            rows[each][taken] = count
        return rows
