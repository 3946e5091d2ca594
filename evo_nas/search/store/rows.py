"""Rows of run.sqlite as what they hold, every cell checked when it is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, FiniteFloat, Json, TypeAdapter, ValidationError

from evo_nas.core.validation import shown
from evo_nas.data.inventory import Inventory
from evo_nas.errors import RunError
from evo_nas.evaluation.evaluator import Objective
from evo_nas.evaluation.final_test.confusion import Confusion
from evo_nas.space.table import Portrait
from evo_nas.training.ledger import Ledger

Record = TypeVar("Record")
Why = Literal["samples", "space", "time", "patience", "until", "callback"]
Count = Annotated[int, Field(ge=0, lt=2**63)]
PLACE = ("stage", "phase", "generation", "position")  # what tells evaluations apart
Genes = tuple[Annotated[int, Field(ge=0, lt=2**31)], ...]


def _is_spent(images: Ledger) -> Ledger:
    if min(images.trained, images.measured) < 0:
        raise ValueError
    return images


Images = Annotated[Ledger, AfterValidator(_is_spent)]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluated candidate; genomes are full canonical genomes of the root space.

    ``failure`` says why it has no metrics, None where it has some.
    """

    stage: str
    phase: str
    generation: Count
    position: Count
    genome: Json[Genes]
    flops: Count
    params: Count
    metrics: Json[Mapping[str, FiniteFloat]]
    origin: str
    parents: Json[tuple[Genes, ...]]
    seconds: FiniteFloat
    images: Images
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """What a phase took; images only what no evaluation holds."""

    stage: str
    phase: str
    seconds: FiniteFloat
    images: Images


@dataclass(frozen=True, slots=True)
class Ending:
    """Why the search of a stage ended, after which generation (from 0), and with how many
    candidates scored ``of`` those that were planned; of a callback, what it ``said``.
    """

    why: Why
    generation: int  # -1 before the first
    candidates: Count
    of: Count
    said: str = ""


@dataclass(frozen=True, slots=True)
class Watched:
    """By what a run is watched, by spec or name, and the ``id`` that this knows it by."""

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """A network that a user gave, a full genome, with what is known of it, and its name."""

    genome: Genes
    metrics: Mapping[str, FiniteFloat]
    name: str


def _is_tally(tally: dict[str, int]) -> dict[str, int]:
    if "looked at" not in tally:
        raise ValueError
    return tally


def _is_confusion(confusion: Confusion) -> Confusion:
    if any(max(pair) >= len(confusion.classes) or not count for *pair, count in confusion.counts):
        raise ValueError
    if not confusion.counts:
        raise ValueError
    return confusion


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of a run, each None where it was not kept."""

    clock: Json[Annotated[FiniteFloat, Field(ge=0)]] | None = None  # seconds of work so far
    code: Json[dict[str, dict[str, str]]] | None = None  # version 0.1.0 kept none
    config: Json[str | dict[str, Any]] | None = None  # version 0.1.0 kept a digest
    config_without_evaluators: Json[str] | None = None
    confusions: Json[dict[str, Annotated[Confusion, AfterValidator(_is_confusion)]]] | None = None
    data: Json[str] | None = None
    endings: Json[dict[str, Ending]] | None = None  # by stage
    findings: Json[dict[str, dict[str, FiniteFloat | str]]] | None = None  # of strategies, by stage
    objectives: Json[dict[str, Objective]] | None = None  # by the spec of an evaluator
    portrait: Json[Portrait | None] | None = None  # of the delivered network
    notes: Json[dict[str, list[str]]] | None = None
    rejected: Json[dict[str, Annotated[dict[str, Count], AfterValidator(_is_tally)]]] | None = None
    space: Json[str] | None = None
    start: Json[tuple[Given, ...]] | None = None  # networks that a user gave
    inventory: Json[Inventory] | None = None
    validation_rows: Json[list[int]] | None = None
    versions: Json[dict[str, str]] | None = None
    watched: Json[Watched] | None = None


def read(kind: type[Record], cells: Mapping[str, Any], path: Path) -> Record:
    """The record, or facts, in the ``cells`` of a row of the file ``path``."""
    text = json.dumps(cells, default=repr)  # bytes fit nowhere, however they are written
    try:
        record: Record = _adapter(kind).validate_json(text, strict=True)
        return record
    except ValidationError as error:
        column = error.errors(include_url=False)[0]["loc"][0]
    place = ", ".join(f"{name} {cells[name]}" for name in PLACE if name in cells) or "fact"
    raise RunError(
        f"{path}, {place}: {column} cannot be {shown(cells[str(column)])}; restore the file from a "
        "copy, or start a new run"
    )


_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)
