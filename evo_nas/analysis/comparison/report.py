"""What a comparison found: a table as the paper's Table 5, differences, and curves over cost."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evo_nas.core.console import Listening, listening
from evo_nas.core.files import write_atomically
from evo_nas.core.plugins import registry
from evo_nas.core.plugins.specs import spec_of
from evo_nas.errors import SettingsError, counted
from evo_nas.evaluation.evaluator import Objective
from evo_nas.results.candidates import objective_of
from evo_nas.results.charts.notebook import Figure, card
from evo_nas.results.frames import records_frame
from evo_nas.results.result import Result
from evo_nas.search.given.values import Named
from evo_nas.search.store.rungs import last_measured

from .curves import best_so_far, draw_curves
from .file import REFERENCE, Comparison, as_table
from .protocol import Entry, cost, finished_runs, make_runs, plan_comparison
from .rows import Difference, Outcome, Row, differences

if TYPE_CHECKING:
    import pandas as pd

TITLES = {
    "paper": "The paper's protocol: every strategy with the same settings",
    "equal": "Equal cost: as much as the first strategy, spent on more candidates and finalists",
}


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """A whole comparison. ``measure`` says what its accuracies are; costs are in ``unit``.

    ``untested`` are the runs whose test split could not be measured, so that none is compared.
    """

    folder: Path
    comparison: Comparison
    measure: str
    unit: str
    rows: tuple[Row, ...]
    differences: tuple[Difference, ...]
    untested: tuple[str, ...] = ()

    def of(self, protocol: str) -> list[Row]:
        """The rows of one protocol, in the order of the strategies, then those of references."""
        rows = [row for row in self.rows if row.protocol == protocol]
        return rows + [row for row in self.rows if row.protocol == REFERENCE]

    def picture(self, protocol: str) -> Path:
        """The chart of the protocol's curves."""
        return self.folder / f"curves-{protocol}.svg"

    def frame(self) -> pd.DataFrame:
        """One row for each run and protocol; needs the extra ``notebook``."""
        beside = bool(self.comparison.references)
        outcomes = [one.told(networks=beside) for row in self.rows for one in row.outcomes]
        kept = ("curve", "target", "geometry")
        return records_frame({k: v for k, v in one.items() if k not in kept} for one in outcomes)

    def plot(self, protocol: str | None = None) -> Figure:
        """The best so far over cost, under the protocol "paper" or "equal" (default: the first)."""
        protocol = protocol or self.comparison.protocols[0]
        if protocol not in self.comparison.protocols:
            known = " and ".join(self.comparison.protocols)
            raise SettingsError(f"protocol {protocol!r} was not compared, but {known}")
        rows, seeds = self.of(protocol), counted(len(self.comparison.seeds), "seed")
        drawn = draw_curves(
            [(registry.short(row.strategy), [o.curve for o in row.outcomes]) for row in rows],
            title=f"Best so far, mean of {seeds} and its standard error",
            cost=self.unit,
            measure=self.measure.replace("test", "validation"),
        )
        return Figure(TITLES[protocol], drawn)

    def __repr__(self) -> str:
        return f"<comparison {self.folder}: {'; '.join(': '.join(row) for row in self._told())}>"

    def _repr_html_(self) -> str:
        drawn = [self.plot(protocol) for protocol in self.comparison.protocols]
        return card(f"{self.measure}, by strategy", self._told(), drawn)

    def _told(self) -> list[tuple[str, str]]:
        """The mean of each row, and its standard deviation over seeds."""
        return [
            (f"{registry.short(row.strategy)} ({row.protocol})", row.spread) for row in self.rows
        ]


def compare(
    strategies: str | Sequence[Named] = ("hierarchical", "spos", "random"),
    *,
    progress: Listening = None,
    **options: Any,
) -> Report:
    """Compare strategies; see :func:`.protocol.plan_comparison` for the options.

    Plug-ins and limits may be given as to :func:`evo_nas.api.prepare`, strategies with commas too.
    """
    given = strategies.split(",") if isinstance(strategies, str) else strategies
    if not isinstance(given, Sequence):
        raise SettingsError(f"strategies is {given!r}; give a list of strategies")
    named = [spec_of("strategies", "strategy", each) for each in given]
    planned, folder = plan_comparison(named, **options)
    planned.check()
    planned.save(folder)
    with listening(progress) as shown:
        return report(folder, make_runs(folder, shown))


def report(folder: Path, entries: Sequence[Entry]) -> Report:
    """Read all runs, and write comparison.json and the curves into the comparison's folder."""
    comparison = Comparison.read(folder)
    results = {entry.folder: entry.result for entry in entries}
    first = next(iter(results.values()))
    objective = objective_of(first.config.retrainer)
    tested = all("test_accuracy" in _best(result)["measured"] for result in results.values())
    outcomes: dict[tuple[str, str], list[Outcome]] = {
        (protocol, strategy): []
        for protocol in comparison.protocols
        for strategy in comparison.strategies
    }
    outcomes |= {(REFERENCE, row.name): [] for row in comparison.rows_of_references}
    for entry in entries:
        outcome = _outcome(entry, results[entry.folder], objective, tested)
        outcomes[entry.protocol, entry.strategy].append(outcome)
    rows = tuple(Row(*of, tuple(all), objective.maximise) for of, all in outcomes.items() if all)
    name = f"{objective.name} by {registry.short(first.config.retrainer)}"
    found = Report(
        folder=folder,
        comparison=comparison,
        measure="test accuracy" if tested else name,
        untested=tuple(
            f"{folder}: {measured['test_failure']}"
            for folder, result in results.items()
            if "test_failure" in (measured := _best(result)["measured"])
        ),
        unit="image passes" if first.cost.passes else "evaluations",
        rows=rows,
        differences=tuple(differences(rows)),
    )
    for protocol in comparison.protocols:
        write_atomically(found.picture(protocol), found.plot(protocol).svg.encode())
    document = json.dumps(comparison_document(found), indent=2)
    write_atomically(folder / "comparison.json", f"{document}\n".encode())
    return found


def finished_report(folder: Path) -> Report:
    """That of a comparison that is finished; raises a RunError where it is not."""
    return report(folder, finished_runs(folder))


def comparison_document(found: Report) -> dict[str, Any]:
    """The report as a JSON object."""
    return {
        "folder": str(found.folder),
        **{key: value for key, value in as_table(found.comparison).items() if key != "jobs"},
        "measure": found.measure,
        "unit_of_cost": found.unit,
        "untested": list(found.untested),
        "rows": [
            {
                "protocol": row.protocol,
                "strategy": row.strategy,
                "flops": row.mean("flops"),
                "accuracy": row.mean("accuracy"),
                "standard_deviation": None if math.isnan(row.deviation) else row.deviation,
                "best": row.best,
                "cost": row.mean("cost"),
                "seconds": row.mean("seconds"),
                "runs": [
                    one.told(networks=bool(found.comparison.references)) for one in row.outcomes
                ],
            }
            for row in found.rows
        ],
        "differences": [
            asdict(each) | {"significant": each.estimate.excludes_zero}
            for each in found.differences
        ],
    }


def _best(result: Result) -> dict[str, Any]:
    assert result.best is not None, "the run is finished"
    return result.best


def _outcome(entry: Entry, result: Result, objective: Objective, tested: bool) -> Outcome:
    best, finalists = _best(result), result.of(result.stages[-1], "finalists")
    judged = [e.metrics[objective.name] for e in last_measured(finalists)]
    validation = (max if objective.maximise else min)(judged)
    return Outcome(
        protocol=entry.protocol,
        strategy=entry.strategy,
        seed=entry.seed,
        folder=str(entry.folder),
        flops=best["target"]["flops"],
        accuracy=best["measured"]["test_accuracy"] if tested else validation,
        cost=cost(result),
        seconds=sum(result.spent.values()),
        curve=tuple(best_so_far(result, objective)),
        params=best["target"]["params"],
        validation=validation,
        images_trained=result.cost.trained,
        target=best["target"].get("geometry", {}),
        geometry=best["measured"].get("geometry", {}),
    )
