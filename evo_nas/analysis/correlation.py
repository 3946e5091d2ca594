"""How far a run's scores can be trusted: some of its candidates, scored by another evaluator.

Nothing of the run itself changes. What the other evaluator says is recorded in a store of its own
beside the run's, so that a stopped report goes on, and a larger one adds to a smaller one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from evo_nas.core.console import Listening, listening
from evo_nas.core.files import write_atomically
from evo_nas.core.paths import expanded
from evo_nas.core.plugins import places, trusted_code
from evo_nas.core.plugins.specs import spec_of
from evo_nas.core.streams import Streams
from evo_nas.errors import RunError, SettingsError, nearest, shell_word
from evo_nas.results.agreement import (
    Agreement,
    agreement,
    baseline,
    countable,
    repeat_noise,
    split_half,
    split_half_error,
)
from evo_nas.results.page.run import make_page
from evo_nas.results.result import Result, check_genomes, load_result
from evo_nas.results.trust_report import Trust, means, trust_document, trust_picture
from evo_nas.search import run_folder
from evo_nas.search.given.values import Named, text, whole_number
from evo_nas.search.loop import Loop
from evo_nas.search.stage import stage_feasible
from evo_nas.search.store.store import Evaluation
from evo_nas.space.space import Genome
from evo_nas.strategies.base import Proposal, Scored, StagePlan, rank

from .answers import Answers, load, own_genome, repeated, truth_name

_FEWEST = 4


def trust(
    folder: str | Path,
    *,
    genomes: int = 16,
    stage: str | None = None,
    against: Named | None = None,
    repeats: int = 1,
    epochs: int | None = None,
    jobs: int | None = None,
    progress: Listening = None,
) -> Trust:
    """Score ``genomes`` candidates of a ``stage`` (default: the last) by another evaluator.

    They are spread evenly over all scores of the stage; more of them later keep the earlier ones.
    ``against`` is the other evaluator, a spec or a class or function in a file or module, by
    default the one that retrained the finalists; each of ``repeats`` has random streams of its own,
    so that networks are trained again. ``epochs`` overrides the recipe's. The report and a picture
    are written into the run folder, and the run's page, which tells of them, is made anew.

    Raises:
        EvoNasError: the folder holds no run, or is in use, the stage has not been searched, or an
            argument is out of range.
    """
    if stage is not None:
        text("stage", stage, "the name of a stage")
    genomes = whole_number("genomes", genomes, _FEWEST)
    repeats = whole_number("repeats", repeats, 1)
    if epochs is not None:
        epochs = whole_number("epochs", epochs, 1)
    other = None if against is None else spec_of("against", "evaluator", against)
    folder = expanded(folder)
    with listening(progress) as listener, run_folder.at_work(folder, listener) as shown:
        result = load_result(folder)
        config = result.config
        if jobs is not None:
            config = replace(config, jobs=whole_number("jobs", jobs, 1))
        torch.set_num_threads(config.threads)
        loop = Loop(result.folder, config, shown)
        loop.store.close()  # it is only read here, and has been
        check_genomes(result, loop.space)
        plan = _searched(result, loop, stage)
        spec = places.absolute("evaluator", other or config.retrainer)
        trusted_code.remember([spec])
        found = _Report(loop, result, plan, spec, epochs).make(genomes, repeats)
        make_page(result, loop.progress)
        return found


def _searched(result: Result, loop: Loop, name: str | None) -> StagePlan:
    """The plan of the named stage, or of the last one whose search is over."""
    plans = {plan.name: plan for plan in loop.strategy.plan(loop.space, result.config.settings)}
    if name is not None and name not in plans:
        raise SettingsError(f"the run has no stage {name!r}; {nearest(name, plans)}")
    over = [p for p in plans.values() if _is_over(result, p) and name in (None, p.name)]
    if over:
        return over[-1]
    which = name or next(iter(plans))
    if result.best is not None or result.of(which, "finalists"):
        raise RunError(f"{which} of {result.folder} scored nothing before retraining")
    raise RunError(
        f"the search of {which} is not over; go on with it first: "
        f"evo-nas resume {shell_word(result.folder)}"
    )


def _is_over(result: Result, plan: StagePlan) -> bool:
    scored = len(result.of(plan.name, "search"))
    return scored >= plan.candidates or bool(scored and result.of(plan.name, "finalists"))


class _Report:
    """One report in the making."""

    def __init__(
        self, loop: Loop, result: Result, plan: StagePlan, against: str, epochs: int | None
    ) -> None:
        self.loop, self.result, self.plan, self.against = loop, result, plan, against
        config = result.config
        self.objectives = load(config.evaluator).objectives
        other = load(against)
        self.goal = other.objectives[0]
        # The run's own evaluator (other images, another seed) is trained as long as in the run.
        same = against.partition("?")[0] == config.evaluator.partition("?")[0]
        usual = config.recipe.supernet.epochs * plan.epochs_factor
        self.epochs = epochs or (usual if same else config.recipe.train.epochs)
        self.name = truth_name(against, epochs)
        self.searched: dict[Genome, Evaluation] = {}  # each network once, as it was first scored
        for evaluation in result.of(plan.name, "search"):
            if evaluation.failure is None:
                self.searched.setdefault(evaluation.genome, evaluation)
        if len(self.searched) < _FEWEST:
            raise RunError(
                f"{plan.name} has only {len(self.searched)} scored candidates; {_FEWEST} at least "
                "are needed"
            )
        # All candidates of a stage share what earlier stages decided.
        first = next(iter(self.searched))
        self.legal = stage_feasible(loop.space, plan, loop.limits, first)
        self.answers = Answers(loop, plan.name, self.legal)

    def make(self, genomes: int, repeats: int) -> Trust:
        """Sample, score, compare and write."""
        sample = self._sample(genomes)
        scored = [self._scored(sample, repeat) for repeat in range(1, repeats + 1)]
        judged = [i for i in range(len(sample)) if all(r[i].failure is None for r in scored)]
        if len(judged) < _FEWEST:
            raise RunError(
                f"{self.against} could score only {len(judged)} of {len(sample)} networks in every "
                f"repeat; {_FEWEST} at least are needed"
            )
        networks = tuple(sample[i] for i in judged)
        truths = tuple(tuple(repeat[i] for i in judged) for repeat in scored)
        agreements, constant = self._agreements(networks, truths)
        repeated = [[e.metrics[self.goal.name] for e in each] for each in truths]
        searched = tuple(self.searched.values())
        trust = Trust(
            folder=self.result.folder,
            stage=self.plan.name,
            evaluator=self.result.config.evaluator,
            objective=self.objectives[0].name,
            against=self.against,
            epochs=self.epochs,
            truth=self.goal.name,
            candidates=len(searched),
            networks=networks,
            failed=len(sample) - len(networks),
            truths=truths,
            agreements=agreements,
            constant=constant,
            error=split_half_error(searched),
            reliability=split_half(searched),
            noise=repeat_noise(repeated) if repeats > 1 else None,
            file=self.result.folder / f"trust-{self.plan.name}-{self.name}.json",
        )
        text = json.dumps(trust_document(trust), indent=2) + "\n"
        write_atomically(trust.file, text.encode())
        write_atomically(trust.picture, trust_picture(trust).encode())
        return trust

    def _sample(self, genomes: int) -> list[Evaluation]:
        """Candidates spread evenly over the ranking of all."""
        candidates = [Scored(e.genome, e.flops, e.metrics) for e in self.searched.values()]
        ranked = rank(candidates, self.objectives)
        offset = Streams(self.result.config.seed).generator(self.plan.name, "trust").random()
        places = spread(len(ranked), min(genomes, len(ranked)), offset)
        return [self.searched[ranked[place].genome] for place in places]

    def _scored(self, networks: Sequence[Evaluation], repeat: int) -> list[Evaluation]:
        """What the other evaluator says of them, once more."""
        proposals = []
        for evaluation in networks:
            genome = own_genome(self.legal.space, evaluation.genome)
            assert genome is not None, "a recorded genome belongs to its stage"
            proposals.append(Proposal(genome, evaluation.origin))
        phase = repeated(self.name, repeat)
        return self.answers.of(self.against, phase, [proposals], self.epochs)

    def _agreements(
        self, networks: Sequence[Evaluation], truths: Sequence[Sequence[Evaluation]]
    ) -> tuple[tuple[Agreement, ...], tuple[str, ...]]:
        """Those of scores and of baselines; the names of baselines that are all the same."""
        truth = [self.goal.sign * mean for mean in means(truths, self.goal.name)]
        scores = {o.name: [o.sign * e.metrics[o.name] for e in networks] for o in self.objectives}
        found = [agreement(f"search {name}", score, truth) for name, score in scores.items()]
        counts = {
            "FLOPs": [float(e.flops) for e in networks],
            "parameters": [float(e.params) for e in networks],
            **countable(self.loop.space, [e.genome for e in networks]),
        }
        constant = []
        for name, each in counts.items():
            if compared := baseline(name, each, scores[self.objectives[0].name], truth):
                found.append(compared)
            else:
                constant.append(name)
        return tuple(found), tuple(constant)


def spread(size: int, number: int, offset: float) -> list[int]:
    """``number`` distinct places in 0..size-1, of which each few first ones are evenly spread.

    The van der Corput sequence (1935), turned by ``offset`` in 0..1: of the first 2^k places one
    is in each of 2^k equal parts, and more places keep those before them.
    """
    assert number <= size, "no more places than there are"
    places: dict[int, None] = {}
    index = 0
    while len(places) < number:
        bits = f"{index:b}"
        fraction = int(bits[::-1], 2) / 2 ** len(bits)
        places.setdefault(int((fraction + offset) % 1 * size))
        index += 1
    return list(places)
