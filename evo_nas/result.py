"""What a run found, read from its folder."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import runfolder
from .budget import format_amount
from .config import Config
from .errors import RunError
from .measuring import Ledger
from .reliability import split_half
from .store import Evaluation, Store


@dataclass(frozen=True, slots=True)
class Result:
    """A run, finished or not. ``best`` is the content of best.json, None before the end.

    ``spent`` are seconds and ``images`` what was seen, by (stage, phase); ``facts`` what was
    written down at the start: versions, hardware, data.
    """

    folder: Path
    config: Config
    best: dict[str, Any] | None
    evaluations: tuple[Evaluation, ...]
    spent: dict[tuple[str, str], float]
    images: dict[tuple[str, str], Ledger]
    facts: dict[str, Any]

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
            best=_read_best(folder / runfolder.BEST),
            evaluations=tuple(store.evaluations()),
            spent=store.spent(),
            images=store.images(),
            facts={"versions": store.fact("versions"), "data": store.fact("data")},
        )
    finally:
        store.close()


def _read_best(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        best = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read: {error}") from error
    if not isinstance(best, dict):
        raise RunError(f"{path} is no architecture file: it holds no JSON object")
    return best


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
