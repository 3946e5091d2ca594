"""Scores candidates without training them, by what their fresh weights do.

Cheap, and no more than a hint: what such scores say beyond the size of a network differs between
spaces, so look at ``evo-nas trust`` before following one. ``params`` and ``flops`` are there to be
compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import torch
from torch import nn
from torch.linalg import LinAlgError  # type: ignore[attr-defined]  # NumPy's is a ValueError

from evo_nas.core.plugins import registry
from evo_nas.core.plugins.options import FilePath, at_least
from evo_nas.data.images import in_proportion, prepare
from evo_nas.errors import EvaluatorError, SettingsError, nearest
from evo_nas.evaluation.evaluator import (
    EvaluationContext,
    Evaluator,
    Failure,
    Objective,
    Outcome,
    check_metrics,
)
from evo_nas.evaluation.reference import Standing
from evo_nas.evaluation.zero_cost.activations import naswot
from evo_nas.evaluation.zero_cost.features import Taught, Truth
from evo_nas.evaluation.zero_cost.flow import dss, synflow
from evo_nas.evaluation.zero_cost.gradients import grad_norm, snip
from evo_nas.evaluation.zero_cost.jacobian import jacov
from evo_nas.evaluation.zero_cost.layers import layers
from evo_nas.evaluation.zero_cost.perturbation import zen
from evo_nas.space.decoder import Decoder
from evo_nas.space.space import Genome, Space
from evo_nas.training.batches import seeded_weights

from .composite import Composite

_OF_SHAPE: Mapping[str, Callable[..., float]] = {"dss": dss, "synflow": synflow}
_OF_IMAGES: Mapping[str, Callable[..., float]] = {"jacov": jacov, "naswot": naswot}
_OF_LABELS: Mapping[str, Callable[..., float]] = {"grad_norm": grad_norm, "snip": snip}
_COSTS = ("flops", "params")
_LOOKED_UP = ("features", *_COSTS)  # no network is built for these
SCORES = ("grad_norm", "naswot", "jacov", "snip", *_OF_SHAPE, "zen", "layers", *_LOOKED_UP)


class NetworkScores(Evaluator):
    """What :class:`evaluators.zero_cost.ZeroCostEvaluator` combines: each score is a metric.

    Scores that build a network may be computed in worker processes; others are just looked up.

    Args:
        scores: of :data:`SCORES`, with commas between.
        images: how many training images scores look at.
        trained: the file of a pool's truth, for ``features``.
    """

    def __init__(
        self, *, scores: str, images: int, trained: Annotated[str, FilePath()] | None = None
    ) -> None:
        self._names = scores.split(",")
        self._images, self._trained = images, trained
        self.objectives = tuple(Objective(name) for name in self._names)
        self.needs_data = not {*_OF_IMAGES, *_OF_LABELS}.isdisjoint(self._names)
        self.in_workers = not set(self._names) <= set(_LOOKED_UP)

    def check(self, space: Space) -> None:
        if self.in_workers:
            space.build((0,) * len(space.choices), space.target)
        self._taught = self._teach(space)

    def open(self, space: Space, context: EvaluationContext) -> None:
        self._space, self._context, self._decoder = space, context, Decoder(space)
        self._taught = self._teach(space)
        if self.needs_data:  # the batch that all networks see, the classes in proportion
            data, generator = context.data, context.streams.generator("images")
            rows = in_proportion(data.train.labels.numpy(), generator)[: self._images]
            chosen = data.train.take(rows).load()
            pixels = chosen.pixels.to(context.device)
            images = prepare(pixels, data.mean, data.std, context.geometry.image_size)
            self._batch = images, chosen.labels.to(context.device)

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        full = self._decoder.full(genome)
        try:
            network = self._network(genome, full) if self.in_workers else nn.Identity()
            scores = {name: self._one(name, network, full) for name in self._names}
            return check_metrics(scores, self.objectives)
        except (ValueError, LinAlgError) as error:
            raise EvaluatorError(f"the network cannot be scored: {error}") from error

    def _teach(self, space: Space) -> Taught | None:
        if self._trained is None or "features" not in self._names:
            return None
        return Taught(space.root, Truth.read(Path(self._trained), space))

    def _network(self, genome: Genome, full: Genome) -> nn.Module:
        """The stand-alone network, with weights of the genome's own."""
        context = self._context
        with seeded_weights(context.streams.number("weights", *full)):
            network = self._decoder.network(genome, context.geometry)
        return network.to(context.device)

    def _looked_up(self, name: str, full: Genome) -> float:
        if name != "features":
            return float(self._space.root.costs(full)[name])
        assert self._taught is not None, "features has networks to learn from"
        return self._taught.score(full)

    def _one(self, name: str, network: nn.Module, full: Genome) -> float:
        if name in _LOOKED_UP:
            return self._looked_up(name, full)
        if name == "layers":
            return layers(network)
        context, geometry = self._context, self._context.geometry
        shape = (geometry.channels, geometry.image_size, geometry.image_size)
        if name in _OF_SHAPE:
            return _OF_SHAPE[name](network, shape)
        if name == "zen":
            number = context.streams.number("zen", *full)
            return zen(network, shape, torch.Generator().manual_seed(number))
        images, labels = self._batch
        if name == "naswot":
            context.ledger.measured += 2 * len(images)  # the first time for BatchNorm
        else:
            context.ledger.trained += len(images)
        if name in _OF_IMAGES:
            return _OF_IMAGES[name](network, images)
        return _OF_LABELS[name](network, images, labels)


class ZeroCostEvaluator(Composite):
    """Training-free scores of stand-alone networks, as ``zero_cost?scores=naswot,dss``.

    Each score is a metric of its own name, at the run's geometry: ``synflow`` (Tanaka et al. 2020),
    ``grad_norm`` (Abdelfattah et al. 2021), ``naswot`` (Mellor et al. 2021) and ``jacov`` (their
    first version, 2020), ``snip`` (Lee et al. 2019), ``dss`` (TF-TAS, Zhou et al. 2022, for
    transformers), ``zen`` (Lin et al. 2021, for networks with BatchNorm), described in
    :mod:`evo_nas.evaluation.zero_cost`; three baselines, ``layers``, and ``params`` and ``flops``
    at the target; and ``features``, a ridge regression over the choices that the ``trained``
    networks of a pool (``evo-nas trust --pool``) teach.

    The objective ``zero_cost`` is the mean of their ranks, not among the candidates, which would
    change with every new one, but among a reference sample that is drawn from the prior of what the
    budget admits when the evaluator is opened: 0.9 is better than nine tenths of what one would
    draw at random. See :class:`evo_nas.evaluation.reference.Standing` about what is better than all
    of it. Networks of the sample that cannot be scored, up to half of it, are left out. Worker
    processes may score networks; they are compared in the process of the search.

    Weights are drawn by seed, for each genome its own, and images are ``images`` training images
    chosen by seed, so a score depends on neither order nor company.

    Args:
        scores: names, with commas between.
        images: how many training images ``grad_norm``, ``snip``, ``naswot`` and ``jacov`` look at.
        reference: the size of the reference sample.
        trained: for ``features``, the file truth.json in the folder of a pool.
    """

    objectives = (Objective("zero_cost"),)

    def __init__(
        self,
        *,
        scores: str = "naswot,synflow",
        images: Annotated[int, at_least(2)] = 16,
        reference: Annotated[int, at_least(2)] = 64,
        trained: Annotated[str, FilePath()] | None = None,
    ) -> None:
        self.scores = tuple(dict.fromkeys(name.strip() for name in scores.split(",")))
        for name in self.scores:
            if name not in SCORES:
                raise SettingsError(f"zero_cost has no score {name!r}; {nearest(name, SCORES)}")
        if ("features" in self.scores) != (trained is not None):
            raise SettingsError(
                "zero_cost's score features and its option trained go together: "
                "scores=features&trained=POOL/truth.json, of a pool that evo-nas trust --pool made"
            )
        self._reference = reference
        spec = f"{NetworkScores.__module__}:{NetworkScores.__name__}"
        spec += f"?scores={','.join(self.scores)}&images={images}"
        if trained is not None:
            spec = registry.with_option(spec, "trained", trained)
        super().__init__({"": spec}, lead="")

    def prepare(self, space: Space) -> None:
        """Score the reference sample; networks that cannot be scored are left out of it."""
        found = [outcome for _, outcome in self.reference_scores(space, self._reference)]
        scored = [scores for scores in found if not isinstance(scores, Failure)]
        if len(scored) < len(found) / 2:  # ranks among what is left would say little
            first = next(outcome for outcome in found if isinstance(outcome, Failure))
            raise EvaluatorError(
                f"zero_cost fails for {len(found) - len(scored)} of the {len(found)} networks of "
                f"its reference sample, for the first because {first.reason}; choose others of the "
                f"scores {', '.join(SCORES)}"
            )
        self._standings = {
            name: Standing([scores[name] for scores in scored]) for name in self.scores
        }

    def decide(self, genomes: Sequence[Genome]) -> Iterator[tuple[int, Outcome]]:
        """Each score, and the mean of their places in the reference sample."""
        for position, scores in self.ask("", genomes, range(len(genomes))):
            if isinstance(scores, Failure):
                yield position, scores
                continue
            places = [self._standings[name].place(scores[name]) for name in self.scores]
            yield position, {"zero_cost": sum(places) / len(places), **scores}
