"""The life of a run: its stages, the final network, and the files that tell of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from evo_nas.callbacks.callback import Callback
from evo_nas.core.plugins import modules, registry
from evo_nas.core.progress import Progress
from evo_nas.core.streams import Streams
from evo_nas.data.source import DataSource, SearchData
from evo_nas.errors import RunError, counted, shell_word
from evo_nas.evaluation.evaluator import EvaluationContext, Evaluator, Objective
from evo_nas.evaluation.final_test.test_split import measure_test, measure_validation
from evo_nas.sampling.feasible import Feasible
from evo_nas.sampling.sampler import Sampler
from evo_nas.search.store.portraits import keep_objective, keep_portrait
from evo_nas.search.store.rungs import rungs_of, told_rungs
from evo_nas.search.store.store import Store
from evo_nas.space.costs.verification import built_costs
from evo_nas.space.decoder import Decoder
from evo_nas.space.logits import wrong_network
from evo_nas.space.space import Genome, Space
from evo_nas.strategies.base import Scored, StagePlan, Strategy
from evo_nas.training.ledger import Ledger
from evo_nas.training.weights import (
    Delivered,
    describe_weights,
    load_weights,
    read_told,
    save_weights,
)

from . import run_folder
from .architectures import ArchitectureFiles
from .config import Config
from .course import extension
from .course.audience import Audience
from .course.clock import Clock
from .course.ending import StageEnd, shares
from .course.start import begun_with
from .limits import make_limits, told_feasible
from .measured import LimitMeasurer
from .promises.beginning import check_beginning
from .promises.code import Code, Watch, keep_one_version
from .promises.costs import TrueCosts
from .promises.heads import wrong_head
from .scoring import Scorer
from .stage import compare_finalists, describe, retrain, search, stage_feasible, unscored


class Loop:
    """One run from its folder, new or resumed.

    ``data`` and ``code`` are given of a new one, for which they have been read already. Everything
    random follows from the seed; everything finished is in the store or in a checkpoint, and is not
    done again. Code that is not what it was is refused, unless changes are accepted
    (``accept_changes``), or those of what was ``mended`` (:mod:`evo_nas.search.promises.code`).
    """

    def __init__(
        self,
        folder: Path,
        config: Config,
        progress: Progress,
        data: SearchData | None = None,
        code: Code | None = None,
        *,
        accept_changes: bool = False,
        mended: Sequence[str] = (),
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self.folder = folder
        self.space: Space = registry.load("space", config.space)
        self.strategy: Strategy = registry.load("strategy", config.strategy)
        self.store = Store(folder / run_folder.STORE)
        self.config = config = extension.complete(folder, self.store, config)
        self.progress = Audience(progress, callbacks, self.store)
        self.clock: Clock | None = None
        self.measurer = LimitMeasurer(
            folder, self.space, self._limit_context, self.store, config.time_limit
        )
        self.limits = make_limits(self.space, config.every_limit, self.measurer.value)
        self.costs = TrueCosts(self.space, self.limits.costs)
        self.source: DataSource = registry.load("data", config.data)
        self.data = data or self.source.load(config.seed)
        check_beginning(folder, self.store, config, self.space, self.data)
        code = code or keep_one_version(
            self.store, config, progress, accept=accept_changes, mended=mended
        )
        self.watch = self.measurer.watch = Watch(code, self.store, progress)

    def run(self) -> None:
        """Search all stages, retrain, and write the best network; the caller holds the lock."""
        if self.config.time:
            self.clock = Clock(self.store)
            self.progress.listeners.insert(0, self.clock)
        ticking = closing(self.clock) if self.clock else nullcontext()
        attending = self.progress.attending(self.folder, self.config)
        with modules.steady(), closing(self.measurer), ticking, attending as measured:
            measured.update(self._run())
        self.store.close()

    def _run(self) -> Mapping[str, object]:
        """What is measured of the network that is found."""
        torch.set_num_threads(self.config.threads)
        self.progress.note("images", [*self.data.notes, *self.data.train.notes()])
        decided: Genome | None = None
        stages = self.strategy.plan(self.space, self.config.settings)
        self._shares = shares(stages)
        for number, stage in enumerate(stages):
            if decided is not None and self.config.history:
                extension.begin_anew(self, stages[number:], decided)
            self.progress.enter(stage)
            legal = stage_feasible(self.space, stage, self.limits, decided)
            planned = decided is None or not self.config.limits  # how limits are met is told
            for line in told_feasible(legal, None if planned else self.limits, self.config.device):
                self.progress.say(f"{stage.name}: {line}")
            finalists, weights = self._stage(stage, legal)
            finalists = [replace(f, genome=legal.space.lift(f.genome)) for f in finalists]
            decided = finalists[0].genome
            self.progress.leave(finalists)
        assert decided is not None, "a strategy plans one stage at least"
        return self._finish(stage.name, decided, finalists, weights)

    def _stage(self, stage: StagePlan, legal: Feasible) -> tuple[list[Scored], Path | None]:
        """The retrained finalists of a stage, best first, and the weights of the best."""
        config = self.config
        retrainer = self._scorer(
            stage, legal, "finalists", config.retrainer,
            config.recipe.retraining(config.inherit).epochs,
        )  # fmt: skip
        objectives = retrainer.evaluator.objectives
        finalists, weights = self._finalists(stage, legal, objectives)
        if retrainer.evaluator.keeps_weights:
            retrainer.examine = partial(wrong_head, self.space, config.geometry)
        if config.inherit:
            retrainer.context = replace(retrainer.context, initial_weights=weights.__getitem__)
        try:
            best = retrain(finalists, retrainer, config.settings.halving)
            number = counted(len(best), "finalist")
            self.progress.say(describe(best[0], objectives[0], legal, f"{stage.name}: {number}"))
            if legal.tally:
                self._tell_rejected(stage.name, legal.tally)
            return best, retrainer.weights(best[0].genome) if stage.final else None
        finally:
            retrainer.close()

    def _finalists(
        self, stage: StagePlan, legal: Feasible, objectives: Sequence[Objective]
    ) -> tuple[list[Scored], dict[Genome, Mapping[str, Tensor]]]:
        """What the stage's search chose to be retrained, to be ranked by ``objectives``.

        With the shared weights of each, if they are to be inherited.
        """
        config = self.config
        streams = Streams(Streams(config.seed).number(stage.name, "search"))
        if not stage.scored:
            found = unscored(self.strategy, stage, config.settings, legal, objectives, streams)
            return found, {}
        epochs = config.recipe.supernet.epochs * stage.epochs_factor
        scorer = self._scorer(stage, legal, "search", config.evaluator, epochs)
        end = StageEnd(
            config.rules, stage, self.strategy, self.store, self.clock, self._shares[stage.name],
            self.progress.wish,
        )  # fmt: skip
        scorer.cuts = end.cuts
        sampler, scorer.known = begun_with(self.store, stage.name, legal, self.progress)
        try:
            found = search(
                self.strategy, stage, config.settings, legal, scorer, streams, self.progress, end,
                sampler,
            )  # fmt: skip
            inherited = found if config.inherit else []
            return found, {f.genome: scorer.initial_weights(f.genome) for f in inherited}
        finally:
            scorer.close()

    def _scorer(
        self, stage: StagePlan, legal: Feasible, phase: str, spec: str, epochs: int
    ) -> Scorer:
        evaluator: Evaluator = registry.load("evaluator", spec)
        keep_objective(self.store, spec, evaluator)
        context = self.context(stage.name, phase, epochs, legal)
        search = phase == "search"
        opening = "training" if search else phase
        total = stage.candidates if search else stage.finalists
        return Scorer(
            evaluator, legal.space, context, self.store, stage.name, phase, opening, total,
            failures=self.config.failures,
            time_limit=self.config.time_limit if search else self.config.finalist_time_limit,
            costs=self.costs if stage.final else replace(self.costs, limits=()),
            watch=self.watch, audience=self.progress,
            then=f"evo-nas show {shell_word(self.folder)} counts the reasons. Mend the evaluator, "
            f"then go on with: evo-nas resume {shell_word(self.folder)} --retry-failed",
        )  # fmt: skip

    def context(self, stage: str, phase: str, epochs: int, legal: Feasible) -> EvaluationContext:
        """What an evaluator works with in one phase of a stage: its own streams and folder."""
        context = self._context((stage, phase, "evaluator"), Path(stage, phase), epochs)
        return replace(context, draw=Sampler(legal).typical, legal=legal)

    def _limit_context(self, spec: str) -> EvaluationContext:
        """What the evaluator of a limit works with: the whole space, and streams of its own."""
        folder = Path("limits", registry.file_name(spec))
        return self._context(("limits", spec), folder, self.config.recipe.supernet.epochs)

    def _context(self, stream: Sequence[str], folder: Path, epochs: int) -> EvaluationContext:
        config = self.config
        return EvaluationContext(
            streams=Streams(Streams(config.seed).number(*stream)),
            folder=self.folder / run_folder.CHECKPOINTS / folder,
            geometry=config.geometry,
            data=self.data,
            recipe=config.recipe,
            epochs=epochs,
            device=config.device,
            threads=config.threads,
            jobs=config.jobs,
            progress=self.progress,
        )

    def _tell_rejected(self, stage: str, tally: Mapping[str, int]) -> None:
        """Keep what each limit rejected; the first time, as a replay looks at a little less."""
        kept = self.store.fact("rejected") or {}
        if stage not in kept:
            self.store.set_fact("rejected", {**kept, stage: tally})

    # -- the end ---------------------------------------------------------------------------------

    def _finish(
        self, stage: str, genome: Genome, finalists: Sequence[Scored], weights: Path | None
    ) -> Mapping[str, object]:
        """Read the test split, once, and write the finalists, best.safetensors and best.json.

        Returns what was measured.
        """
        files = ArchitectureFiles(self.config, self.space, self.strategy, self.limits)
        measured: dict[str, object] = {"by": self.config.retrainer, "data": self.config.data}
        if len(self.data.train):
            measured["fingerprint"] = self.data.fingerprint
            measured["geometry"] = asdict(self.config.geometry)
        if weights is not None:
            measured |= read_told(weights, "teaching", dict[str, str], "{}")
        prefix = "validation_" if len(self.data.train) else ""
        for number, finalist in enumerate(finalists, start=1):
            metrics = {f"{prefix}{name}": value for name, value in finalist.metrics.items()}
            path = self.folder / run_folder.FINALISTS / f"{number}.json"
            costs = self.costs.of(finalist.genome)
            files.write(path, finalist, costs, measured | metrics)
        measured |= compare_finalists(finalists, prefix)
        if rungs := told_rungs(rungs_of(self.store.evaluations(stage, "finalists"))):
            measured["rungs"] = rungs
        if weights is not None:
            measured |= self._deliver(genome, weights)
        keep_portrait(self.store, self.space, genome)
        self.store.sync()  # best.json says that the run is finished
        costs = self.costs.of(genome)
        files.write(self.folder / run_folder.BEST, finalists[0], costs, measured)
        return measured

    def _deliver(self, genome: Genome, weights: Path) -> dict[str, object]:
        """Test the network with these weights and write best.safetensors; what was measured."""
        began, data, config = time.perf_counter(), self.data, self.config
        tensors = load_weights(weights)
        if tensors is None:
            raise RunError(f"{weights} is missing; the retrained network cannot be delivered")
        network = Decoder(self.space).network(genome, config.geometry)
        network.load_state_dict(tensors)
        if wrong := wrong_network(network, config.geometry):
            raise RunError(f"the network of {genome} cannot be delivered: {wrong}")
        where = config.geometry.image_size, config.device
        tested = measure_test(network.to(config.device), self.source, data, *where)
        by_class = {
            "test": tested.confusion,
            "validation": measure_validation(network, data, *where),
        }
        found = {split: asdict(each) for split, each in by_class.items() if each}
        self.store.set_fact("confusions", found)
        self.progress.note("images", [*data.train.notes(), *tested.notes])
        if tested.warning:
            self.progress.say(f"{tested.warning}; then: evo-nas resume {shell_word(self.folder)}")
        shape = config.space, genome, config.geometry
        about = Delivered(*shape, data.mean, data.std, data.classes, data.reading)
        save_weights(self.folder / run_folder.WEIGHTS, tensors, describe_weights(about))
        seen = sum(sum(each.images) for each in by_class.values() if each)
        self.store.spend("final", "test", time.perf_counter() - began, Ledger(measured=seen))
        return {"delivered": built_costs(self.space, genome, config.geometry), **tested.measured}
