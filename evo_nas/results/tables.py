"""Tables and facts as values: a terminal and a page each show them in their own way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Facts = Sequence[tuple[str, str]]  # names and values


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text below named columns, the first of which names the row.

    What a column's name begins with says what it holds: ">" numbers, aligned to the right, "%"
    shares of a whole, which a page draws, "~" long texts. ``foot`` are rows that sum up the others.
    """

    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    title: str = ""
    foot: Sequence[Sequence[str]] = ()


def score_text(value: float | None) -> str:
    """A score as tables write it."""
    return "-" if value is None else f"{value:.4f}"


def written(value: object) -> str:
    """A value for people: a number with a fraction as scores are written."""
    return score_text(value) if isinstance(value, float) else str(value)
