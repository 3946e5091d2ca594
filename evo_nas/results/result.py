"""What a run found, read from its folder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evo_nas.core.paths import expanded
from evo_nas.core.plugins import registry
from evo_nas.core.validation import shown
from evo_nas.errors import EvoNasError, RunError, SpaceError, counted, nearest
from evo_nas.evaluation.evaluator import Objective
from evo_nas.results.charts.fronts import read_front
from evo_nas.results.charts.notebook import Figure, card
from evo_nas.results.charts.stages import flops_chart, time_chart
from evo_nas.sampling.limits import format_amount, parse_range
from evo_nas.search import run_folder
from evo_nas.search.architectures import read_best
from evo_nas.search.config import Config
from evo_nas.search.limits import describe_config
from evo_nas.search.store.rows import Ending
from evo_nas.search.store.store import Evaluation, Store
from evo_nas.space.space import Geometry, Space
from evo_nas.space.table import Portrait, portrait
from evo_nas.training.ledger import Ledger

from .agreement import split_half
from .architecture import FoundArchitecture
from .candidates import Stage, objective_of, read_stage
from .facts import result_facts, scores
from .frames import evaluations_frame
from .importance import Importance, importance

if TYPE_CHECKING:
    import pandas as pd

    from evo_nas.data.preprocessing import Picture
    from evo_nas.evaluation.final_test.confusion import Confusion

    from .networks.prediction import Prediction


_FACTS = (
    "versions", "data", "rejected", "inventory", "findings", "endings", "confusions", "watched",
    "objectives", "portrait",
)  # fmt: skip
FINAL = ("final", "test")  # stage and phase of what is measured when all is decided


@dataclass(frozen=True, slots=True, repr=False)
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

    def findings(self, stage: str) -> dict[str, float | str]:
        """What the strategy found out in a stage besides its finalists, by name."""
        return (self.facts.get("findings") or {}).get(stage, {})  # type: ignore[no-any-return]

    def ending(self, stage: str) -> Ending | None:
        """Why the search of a stage ended; None before it did, or where none scored candidates."""
        found: Ending | None = (self.facts.get("endings") or {}).get(stage)
        return found

    @property
    def confusions(self) -> dict[str, Confusion]:
        """What the delivered network took the images of each class for, by split.

        "test" and "validation"; none before the end, and none in runs that kept none.
        """
        return self.facts.get("confusions") or {}

    @property
    def final(self) -> Ledger:
        """The images that the delivered network was measured on at the end."""
        return self.images.get(FINAL, Ledger())

    @property
    def cost(self) -> Ledger:
        """All images that the search and the retraining saw; the final test decides nothing."""
        return sum(self.images.values(), Ledger()) - self.final

    @property
    def space(self) -> Space:
        """The space that was searched."""
        return registry.load("space", self.config.space)  # type: ignore[no-any-return]

    @property
    def architecture(self) -> FoundArchitecture:
        """The architecture that was found.

        Raises:
            RunError: the run is not finished.
        """
        if self.best is None:
            raise RunError(run_folder.unfinished(self.folder))
        space = self.space
        return FoundArchitecture(space, space.encode(self.best["choices"]))

    @property
    def portrait(self) -> Portrait:
        """The found architecture as it is shown: as the run kept it, or else made by its space.

        Raises:
            RunError: the run is not finished, or does not belong to its space.
        """
        kept: Portrait | None = self.facts.get("portrait")
        if self.best and kept and list(kept.genome) == self.best["genome"]:
            return kept
        check_genomes(self, self.space)
        return portrait(self.space, self.architecture.genome)

    @property
    def target(self) -> Geometry:
        """Where the FLOPs of its networks are counted."""
        kept = self.best and self.best["target"].get("geometry")
        return Geometry(**kept) if kept else self.space.target

    def objective(self, evaluator: str) -> Objective:
        """What the evaluator of this spec ranks by first, as the run kept it, or as it says.

        Raises:
            EvoNasError: the run kept nothing of it, and it cannot be loaded any more.
        """
        kept: dict[str, Objective] = self.facts.get("objectives") or {}
        return kept[evaluator] if evaluator in kept else objective_of(evaluator)

    def stage(self, name: str | None = None) -> Stage:
        """The candidates and finalists of a stage (default: the last), best first.

        Raises:
            EvoNasError: there is no such stage, or an evaluator cannot be loaded any more.
        """
        if not self.stages:
            raise RunError(f"{self.folder} has no evaluations yet")
        name = name or self.stages[-1]
        if name not in self.stages:
            raise RunError(f"the run has no stage {name!r}; {nearest(name, self.stages)}")
        goals = map(self.objective, (self.config.evaluator, self.config.retrainer))
        return read_stage(self.evaluations, name, *goals)

    def frame(self) -> pd.DataFrame:
        """All evaluations as a data frame, one row each; needs the extra ``notebook``.

        Columns: stage, phase ("search" or "finalists"), generation, position, origin, flops,
        params, seconds, images_trained, images_measured, failure (the reason, if there is one),
        then each metric and each choice by name.
        """
        return evaluations_frame(self.evaluations, self.space)

    def plot(self, stage: str | None = None) -> Figure:
        """Score against FLOPs of a stage's candidates (default: the last), with the budget.

        Raises:
            RunError: there is no such stage, or nothing of it to draw.
        """
        read = self.stage(stage)
        if not read.candidates and not read.finalists:
            raise RunError(f"{read.name} of {self.folder} has no scores yet")
        drawn = flops_chart(read, parse_range(self.config.flops, kept=True))
        return Figure(f"{read.name}: {read.objective.name} against FLOPs", drawn)

    def plot_search(self, stage: str | None = None) -> Figure:
        """A stage's candidates (default: the last) in the order proposed, and the best so far.

        Raises:
            RunError: there is no such stage, or its search scored nothing.
        """
        read = self.stage(stage)
        if not read.candidates:
            raise RunError(f"the search of {read.name} of {self.folder} scored nothing")
        return Figure(f"{read.name}: the search over time", time_chart(read))

    def plot_hypervolume(self, stage: str | None = None) -> Figure:
        """How much a stage's Pareto front (default: the last) dominated after each candidate.

        Raises:
            RunError: there is no such stage, or it does not seek several objectives.
        """
        return read_front(self.stage(stage), self.config, self.space).hypervolume

    def plot_trade_offs(self, stage: str | None = None) -> Figure:
        """The same candidates by their objectives, in parallel coordinates; raises the same."""
        return read_front(self.stage(stage), self.config, self.space).trade_offs

    def importance(self, stage: str | None = None) -> Importance:
        """Which choices matter among a stage's candidates (default: the last).

        Raises:
            RunError: there is no such stage, or its scores do not say.
        """
        return importance(self.stage(stage), self.space)

    def plot_importance(self, stage: str | None = None) -> Figure:
        """The choices of a stage that matter most (default: the last), see :meth:`importance`."""
        found = self.importance(stage)
        return Figure(found.title, found.chart)

    def predict(self, pictures: Picture | Iterable[Picture], **options: Any) -> list[Prediction]:
        """What the network that was found takes pictures for; see :func:`evo_nas.predict`."""
        from .networks.prediction import predict  # which loads what a result is of

        return predict(self.folder, pictures, **options)

    def __repr__(self) -> str:
        if self.best is None:
            done = counted(len(self.evaluations), "evaluation")
            return f"<evo-nas run {self.folder}: unfinished, {done}>"
        target, measured = self.best["target"], self.best["measured"]
        told = "".join(f"; {name} {value:.4f}" for name, value in scores(measured)[:1])
        where = f" on {measured['data']}" if "validation" in told else f" by {measured.get('by')}"
        return (
            f"<evo-nas run {self.folder}: {format_amount(target['flops'])} FLOPs, "
            f"{format_amount(target['params'])} parameters at the target{told}{where}>"
        )

    def _repr_html_(self) -> str:
        facts = [*result_facts(self)]
        figures = []
        try:
            if self.best is not None and self.space.picture(self.architecture.genome):
                figures.append(self.architecture.plot())
            if self.stages:
                figures.append(self.plot())
        except EvoNasError as error:  # a plug-in that is gone: the facts stand without it
            facts.append(("no figures", str(error)))
        title = f"{registry.short(self.config.space)} within {describe_config(self.config)}"
        return card(title, facts, figures)


def load_result(folder: str | Path) -> Result:
    """Read a run folder.

    Raises:
        RunError: it is no run folder, or something in it is damaged.
    """
    folder = expanded(folder)
    run_folder.check(folder)
    store = Store(folder / run_folder.STORE, read_only=True)
    try:
        return Result(
            folder=folder,
            config=Config.read(folder / run_folder.CONFIG),
            best=read_best(folder / run_folder.BEST),
            evaluations=tuple(store.evaluations()),
            spent=store.spent(),
            images=store.images(),
            facts={name: store.fact(name) for name in _FACTS},
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
