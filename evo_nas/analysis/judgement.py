"""Judging scores by a pool of trained networks: nothing that was trained is trained again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, FiniteFloat

from evo_nas.core.console import Listening, listening
from evo_nas.core.files import remove_temporary
from evo_nas.core.paths import expanded
from evo_nas.core.plugins import places, registry, trusted_code
from evo_nas.core.plugins.digests import code_of
from evo_nas.core.plugins.specs import spec_of
from evo_nas.core.typed import typed
from evo_nas.core.validation import read_json
from evo_nas.errors import RunError, SettingsError, nearest
from evo_nas.evaluation.zero_cost.features import Trained, Truth
from evo_nas.evaluation.zero_cost.ridge import held_out
from evo_nas.results.agreement import countable, directed, networks_deviation, repeat_noise
from evo_nas.results.judgement import FEWEST, Judge, Judged, Judgement, Score
from evo_nas.search import run_folder
from evo_nas.search.course.standing import recorded
from evo_nas.search.given.values import Named, whole_number
from evo_nas.search.options import OF_POOLS, plain
from evo_nas.search.promises import code
from evo_nas.search.store.store import Evaluation
from evo_nas.space.encoding import Encoding
from evo_nas.space.space import Genome
from evo_nas.strategies.base import Proposal
from evo_nas.training.recipe import Recipe

from .answers import Answers, load, repeated, truth_name
from .pool import Pool, Size, create

TRUTH = "truth.json"
# Metrics that are no score by themselves.
_NO_SCORES = frozenset(("standard_error", "accuracy_even", "accuracy_odd"))
Values = dict[Genome, float]


def judge(
    pool: str | Path,
    *,
    scores: Sequence[Named] = (),
    genomes: int | None = None,
    seeds: int | None = None,
    include: Sequence[str] = (),
    stage: str | None = None,
    around: str | None = None,
    against: Named | None = None,
    epochs: int | None = None,
    score_epochs: int | None = None,
    bands: int = 3,
    jobs: int | None = None,
    progress: Listening = None,
    **options: Any,
) -> Judgement:
    """Train the networks of a pool, as far as that is not done, and judge ``scores`` by them.

    The folder ``pool`` is made if there is none. Of a space, within limits, ``genomes`` networks
    are drawn, and each is trained ``seeds`` times by the evaluator ``against`` (``train``) for
    ``epochs`` (the recipe's); the architectures ``include`` are among them, whatever they cost.
    ``stage`` is one of the strategy's, by default its first; what earlier stages decide is as in
    the architecture ``around``. ``options`` are of :func:`evo_nas.api.prepare`: space, flops,
    params, latency, limits, strategy, data, geometry, recipe, seed, device and threads.

    Later on, more networks and seeds extend a pool, other options have to be as they were, and a
    recipe as it was for training networks: by the rest of it scores are trained, for
    ``score_epochs``. A score is an evaluator, a spec or a class or function; what it and earlier
    ones said is kept in the pool. Agreements are given over all networks, and within ``bands`` of
    FLOPs of about the same number of networks.

    Raises:
        EvoNasError: the folder holds something else, or a pool of something else; or an argument is
            out of range.
    """
    least = {"genomes": genomes, "seeds": seeds, "epochs": epochs, "score_epochs": score_epochs}
    for name, number in least.items():
        least[name] = None if number is None else whole_number(name, number, 1)
    size = Size(least["genomes"], least["seeds"], tuple(include))
    bands = whole_number("bands", bands, 1)
    specs = [places.absolute("evaluator", spec_of("scores", "evaluator", each)) for each in scores]
    other = None if against is None else spec_of("against", "evaluator", against)
    for name in options:
        if name not in OF_POOLS:
            raise SettingsError(f"a pool has no option {name!r}; {nearest(name, OF_POOLS)}")
    given = plain({**options, "finalist_epochs": least["epochs"], "epochs": least["score_epochs"]})
    folder = expanded(pool)
    with listening(progress) as listener:
        new = not folder.exists()
        if new:
            create(folder, given, other, stage, around, size)
        elif not (folder / run_folder.POOL).is_file():
            raise RunError(f"{folder} is no pool: {run_folder.POOL} is missing; name a new folder")
        with run_folder.held(folder), recorded(folder, listener) as shown:
            remove_temporary(folder)
            trusted_code.remember(specs)
            opened = Pool(folder, {} if new else given, None if new else other, jobs, shown)
            try:
                opened.check(stage, around)
                opened.grow(size)
                found = _Judging(opened, specs, bands).make()
                found.save()
                return found
            finally:
                opened.close()


class _Judging:
    """One judgement in the making."""

    def __init__(self, pool: Pool, specs: Sequence[str], bands: int) -> None:
        self.pool, self.specs, self.bands = pool, specs, bands
        self.space, config = pool.loop.space, pool.config
        self.answers = Answers(pool.loop, pool.stage.name, pool.legal)
        self.goal = load(config.retrainer).objectives[0]
        torch.set_num_threads(config.threads)

    def make(self) -> Judgement:
        """Train, score, and compare."""
        pool, generations = self.pool, self.pool.networks()
        networks, truths, failed = self._trained(generations)
        trained = [
            Trained(e.genome, float(mean))
            for e, mean in zip(networks, np.mean(truths, axis=0), strict=True)
        ]
        truth = Truth(self.space.fingerprint, self.goal.name, self.goal.maximise, tuple(trained))
        truth.save(pool.folder / TRUTH)  # scores may look at it
        values = self._earlier()
        for spec in self.specs:
            values |= self._scores(spec, generations)
        judge = Judge([[self.goal.sign * t for t in repeat] for repeat in truths],
                      [e.flops for e in networks], self.bands)  # fmt: skip
        scores = {n: [each.get(e.genome) for e in networks] for n, each in values.items()}
        baselines, constant = self._baselines(judge, networks)
        several = len(truths) > 1
        return Judgement(
            folder=pool.folder,
            space=pool.config.space,
            stage=pool.stage.name,
            against=pool.config.retrainer,
            epochs=pool.config.recipe.train.epochs,
            metric=self.goal.name,
            maximise=self.goal.maximise,
            failed=failed,
            bands=judge.bands,
            scores=_judged(judge, scores),
            baselines=baselines,
            constant=constant,
            repeats=judge.repeats("another training"),
            noise=repeat_noise(truths) if several else None,
            between=networks_deviation(truths) if several else None,
            networks=tuple(networks),
            truths=tuple(map(tuple, truths)),
            values=scores,
        )

    def _trained(
        self, generations: Sequence[Sequence[Proposal]]
    ) -> tuple[list[Evaluation], list[list[float]], int]:
        """The networks that could be trained, each once, what they reached, and how many failed."""
        spec, recipe = self.pool.config.retrainer, self.pool.config.recipe
        repeats = [
            self.answers.of(
                spec, repeated(truth_name(spec, None), n), generations, recipe.train.epochs
            )
            for n in range(1, self.pool.asked.seeds + 1)
        ]
        places = {e.genome: i for i, e in reversed(list(enumerate(repeats[0])))}
        kept = sorted(i for i in places.values() if all(r[i].failure is None for r in repeats))
        if len(kept) < FEWEST:
            raise RunError(
                f"{spec} could train only {len(kept)} of {len(places)} networks in every repeat; "
                f"{FEWEST} at least are needed"
            )
        truths = [[repeat[i].metrics[self.goal.name] for i in kept] for repeat in repeats]
        return [repeats[0][i] for i in kept], truths, len(places) - len(kept)

    def _scores(self, spec: str, generations: Sequence[Sequence[Proposal]]) -> dict[Score, Values]:
        """What an evaluator says of all networks, more being better, by what that is called."""
        recipe, usual = self.pool.recipe, self.pool.config.recipe
        epochs = recipe.supernet.epochs * self.pool.stage.epochs_factor
        told = _training_of(recipe)
        parts = code.digests({"": code_of("evaluator", spec)})[""]
        digest = sha256(repr((spec, told, epochs, sorted(parts.items()))).encode()).hexdigest()[:8]
        phase = f"score-{registry.file_name(spec)}-{digest}"
        said = self.answers.of(spec, phase, generations, epochs, recipe)
        name = registry.short(spec)
        if told != _training_of(usual):
            name += f" ({recipe.name}, {epochs} epochs)"
        signs = {o.name: o.sign for o in load(spec).objectives}
        found: dict[Score, Values] = {}
        for evaluation in said:
            for metric, value in evaluation.metrics.items():
                if metric not in _NO_SCORES:
                    sign = signs.get(metric, 1)
                    found.setdefault((name, metric), {})[evaluation.genome] = sign * value
        return found

    def _baselines(
        self, judge: Judge, networks: Sequence[Evaluation]
    ) -> tuple[tuple[Judged, ...], tuple[str, ...]]:
        """What costs nothing, in its better direction; and the names of what is all the same."""
        genomes = [e.genome for e in networks]
        counts = {
            "FLOPs": [float(e.flops) for e in networks],
            "parameters": [float(e.params) for e in networks],
            **countable(self.space, genomes),
        }
        varied = {name: each for name, each in counts.items() if len(set(each)) > 1}
        chosen = (directed(name, each, list(judge.truth)) for name, each in varied.items())
        found: dict[Score, Sequence[float | None]] = {("", name): each for name, each in chosen}
        ridge = held_out(Encoding(self.space).encode(genomes), judge.truth)
        found["", "ridge over choices, held out"] = [float(each) for each in ridge]
        return _judged(judge, found), tuple(name for name in counts if name not in varied)

    def _earlier(self) -> dict[Score, Values]:
        """What scores said in earlier judgements of this pool."""
        path = self.pool.folder / run_folder.JUDGEMENT
        if not path.exists():
            return {}
        content = read_json(path, RunError)
        kept = typed(_Kept, content if isinstance(content, dict) else {}, path, RunError, None)
        found: dict[Score, Values] = {}
        for network in kept.networks:
            for score in network.scores:
                if score.value is not None:
                    known = found.setdefault((score.evaluator, score.name), {})
                    known[tuple(network.genome)] = score.value
        return found


class _KeptScore(BaseModel):
    evaluator: str
    name: str
    value: FiniteFloat | None


class _KeptNetwork(BaseModel):
    genome: list[int]
    scores: list[_KeptScore]


class _Kept(BaseModel):
    networks: list[_KeptNetwork]


def _judged(judge: Judge, scores: Mapping[Score, Sequence[float | None]]) -> tuple[Judged, ...]:
    found = (judge.judge(name, each) for name, each in scores.items())
    return tuple(each for each in found if each is not None)


def _training_of(recipe: Recipe) -> tuple[object, ...]:
    """What of a recipe scores may depend on: how shared weights are trained, and are asked."""
    usual = {field.name: field.default for field in fields(Recipe)}
    rest = [
        (name, value)
        for name, value in asdict(recipe).items()
        if name not in ("name", "train", "finetune", "supernet") and value != usual[name]
    ]
    return recipe.supernet.identity, *rest
