"""How well the delivered network recognises each class, for the page of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evo_nas.data.inventory import named_classes
from evo_nas.evaluation.final_test.confusion import Confusion
from evo_nas.results.tables import Table

DRAWN = 20  # classes at most that have a matrix, and a row each
_WORST = 10  # of more classes
_SHORT = 8  # characters of a name that may head a column


@dataclass(frozen=True, slots=True)
class ClassPart:
    """What the page tells of one split; ``matrix`` where there are few classes.

    ``heads`` are the columns of the matrix: names, or numbers where these are long.
    """

    split: str
    confusion: Confusion
    recalls: Table
    confused: Table | None
    missing: str
    rows: list[str]
    heads: list[str]
    matrix: list[list[tuple[int, str]]]


def class_parts(confusions: Mapping[str, Confusion]) -> list[ClassPart]:
    """A part for each split."""
    return [_part(split, confusion) for split, confusion in confusions.items()]


def _part(split: str, confusion: Confusion) -> ClassPart:
    few = len(confusion.classes) <= DRAWN
    known = confusion.by_recall if few else confusion.by_recall[:_WORST]
    rows = [
        (name, f"{recall:.3f}", f"{100 * recall:.0f}%", f"{images:,}")
        for name, recall, images in known
    ]
    title = "Recall by class" if few else f"The {len(rows)} classes of the lowest recall"
    numbers = any(len(name) > _SHORT for name in confusion.classes)
    names = [
        f"{number} {name}" if numbers else name
        for number, name in enumerate(confusion.classes, start=1)
    ]
    return ClassPart(
        split,
        confusion,
        Table(("class", ">recall", "%share recognised", ">images"), rows, f"{title}, {split}"),
        None if few else _confused(confusion, split),
        named_classes(confusion.missing) if confusion.missing else "",
        names,
        [str(number) for number in range(1, len(names) + 1)] if numbers else names,
        _matrix(confusion) if few else [],
    )


def _confused(confusion: Confusion, split: str) -> Table | None:
    """The most frequent confusions, where there are any."""
    images = dict(zip(confusion.classes, confusion.images, strict=True))
    rows = [
        (name, taken, f"{count:,}", f"{100 * count / images[name]:.0f}%")
        for name, taken, count in confusion.confused[:_WORST]
    ]
    columns = ("class", "taken for", ">images", ">of the class")
    return Table(columns, rows, f"The most frequent confusions, {split}") if rows else None


def _matrix(confusion: Confusion) -> list[list[tuple[int, str]]]:
    """Counts, and as a percentage the share of their row."""
    return [
        [(count, f"{100 * count / max(sum(row), 1):.0f}%") for count in row]
        for row in confusion.matrix
    ]
