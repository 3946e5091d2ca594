"""What a run found, read from its folder."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import registry, runfolder
from .best import read_best
from .budget import format_amount
from .config import Config
from .errors import RunError, SpaceError
from .inputs import shown
from .limits import describe_value, parse_limit
from .measuring import Ledger
from .reliability import split_half
from .space import Space
from .store import Evaluation, Store


@dataclass(frozen=True, slots=True)
class Result:
    """A run, finished or not. ``best`` is the content of best.json, None before the end.

    ``spent`` are seconds and ``images`` what was seen, by (stage, phase); ``facts`` what was
    written down at the start: versions, hardware, data. ``notes`` say by stage and phase what
    happened on the way that bears on the result, such as a learning rate that had to be lowered.
    """

    folder: Path
    config: Config
    best: dict[str, Any] | None
    evaluations: tuple[Evaluation, ...]
    spent: dict[tuple[str, str], float]
    images: dict[tuple[str, str], Ledger]
    facts: dict[str, Any]
    notes: dict[str, list[str]] = field(default_factory=dict)

    @property
    def stages(self) -> tuple[str, ...]:
        """The names of the stages that have begun."""
        return tuple(dict.fromkeys(e.stage for e in self.evaluations))

    def of(self, stage: str, phase: str) -> tuple[Evaluation, ...]:
        """The evaluations of one stage's phase, in the order proposed."""
        return tuple(e for e in self.evaluations if e.stage == stage and e.phase == phase)

    def failed(self, stage: str, phase: str) -> list[str]:
        """Why candidates of one stage's phase failed, one reason for each that did."""
        return [e.failure for e in self.of(stage, phase) if e.failure is not None]

    def reliability(self, stage: str) -> float | None:
        """The split-half reliability of a stage's search scores; see :func:`split_half`."""
        return split_half(self.of(stage, "search"))

    @property
    def cost(self) -> Ledger:
        """All images that the search and the retraining saw; the final test decides nothing."""
        return sum((i for (_, phase), i in self.images.items() if phase != "test"), Ledger())

    def __repr__(self) -> str:
        if self.best is None:
            return f"<evo-nas run {self.folder}: unfinished, {len(self.evaluations)} evaluations>"
        target, measured = self.best["target"], self.best["measured"]
        if "validation_accuracy" in measured:
            accuracy = f"validation accuracy {measured['validation_accuracy']:.4f}"
            accuracy = f" at the target; {accuracy} on {measured['data']}"
        else:
            accuracy = f"; accuracy {measured.get('accuracy', math.nan):.4f} by {measured['by']}"
        return (
            f"<evo-nas run {self.folder}: {format_amount(target['flops'])} FLOPs, "
            f"{format_amount(target['params'])} parameters{accuracy}>"
        )


def load_result(folder: Path) -> Result:
    """Read a run folder.

    Raises:
        RunError: it is no run folder, or something in it is damaged.
    """
    runfolder.check(folder)
    store = Store(folder / runfolder.STORE, read_only=True)
    try:
        return Result(
            folder=folder,
            config=Config.read(folder / runfolder.CONFIG),
            best=read_best(folder / runfolder.BEST),
            evaluations=tuple(store.evaluations()),
            spent=store.spent(),
            images=store.images(),
            facts={name: store.fact(name) for name in ("versions", "data", "rejected")},
            notes=store.notes(),
        )
    finally:
        store.close()


def check_genomes(result: Result, space: Space) -> None:
    """Check that what a run's files hold are genomes of its ``space``.

    Raises:
        RunError: one is not; the files were changed, or the space was.
    """
    try:
        for genome in {e.genome: None for e in result.evaluations}:
            if space.check(genome) != genome:
                raise SpaceError(f"genome {shown(genome)} is not canonical")
        if result.best is not None:
            space.check(result.best["genome"])
            space.encode(result.best["choices"])
    except SpaceError as error:
        raise RunError(f"{result.folder} does not belong to its space: {error}") from error


def limited_facts(result: Result) -> list[tuple[str, str]]:
    """What the network found has of each limited metric, and what limits rejected, for people."""
    rows = []
    for text, value in (result.best or {}).get("limits", {}).items():
        metric = parse_limit(text).metric
        rows.append((registry.short(text), describe_value(metric, value)))
    for stage, tally in (result.facts.get("rejected") or {}).items():
        counts = dict(tally)
        looked = f"{counts.pop('looked at'):,} looked at within the exact limit"
        told = [f"{registry.short(name)}: {count:,}" for name, count in counts.items() if count]
        rejected = f"; rejected by {', '.join(told)}" if told else "; none rejected"
        rows.append((f"{stage} draws", looked + rejected))
    return rows


def measured_facts(measured: Mapping[str, object]) -> list[tuple[str, str]]:
    """What best.json says was measured, as names and values for people."""
    on_images = "validation_accuracy" in measured
    source, kind = ("on", "validation_") if on_images else ("by", "")
    rows = [(f"measured {source}", str(measured.get("data" if on_images else "by", "")))]
    accuracy, error = measured.get(f"{kind}accuracy"), measured.get(f"{kind}standard_error")
    if isinstance(accuracy, float):
        uncertainty = f" ± {error:.4f} (standard error)" if isinstance(error, float) else ""
        rows.append((f"{kind}accuracy".replace("_", " "), f"{accuracy:.4f}{uncertainty}"))
    second = measured.get("second_accuracy")
    if isinstance(second, float):
        verdict = "separated" if measured.get("separated_from_second") else "not separated"
        rows.append(
            ("second finalist", f"{second:.4f}: {verdict} from the best by two standard errors")
        )
    test, error = measured.get("test_accuracy"), measured.get("test_standard_error")
    if isinstance(test, float) and isinstance(error, float):
        rows.append(("test accuracy", f"{test:.4f} ± {error:.4f}"))
    return rows
