"""Scores candidates without training them, by what their fresh weights do.

Cheap, and no more than a hint: what such scores say beyond the size of a network differs between
spaces, so look at ``evo-nas trust`` before following one. ``params`` and ``flops`` are there to be
compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated

from torch.linalg import LinAlgError  # type: ignore[attr-defined]  # NumPy's is a ValueError

from evo_nas.core.plugins.options import at_least
from evo_nas.data.images import prepare
from evo_nas.data.source import in_proportion
from evo_nas.errors import EvaluatorError, SettingsError, nearest
from evo_nas.evaluation.evaluator import (
    EvaluationContext,
    Evaluator,
    Failure,
    Objective,
    Outcome,
    check_metrics,
)
from evo_nas.evaluation.reference import Standing, reference_sample
from evo_nas.evaluation.zero_cost import dss, grad_norm, naswot, synflow
from evo_nas.space.decoder import Decoder
from evo_nas.space.space import Genome, Space
from evo_nas.training.batches import seeded_weights

from .composite import Composite

_WITHOUT_IMAGES: Mapping[str, Callable[..., float]] = {"dss": dss, "synflow": synflow}
_COSTS = ("flops", "params")
SCORES = ("grad_norm", "naswot", *_WITHOUT_IMAGES, *_COSTS)


class NetworkScores(Evaluator):
    """What :class:`evaluators.zero_cost.ZeroCostEvaluator` combines: each score is a metric.

    Scores that build a network may be computed in worker processes; costs are just looked up.

    Args:
        scores: of :data:`SCORES`, with commas between.
        images: how many training images ``grad_norm`` and ``naswot`` look at.
    """

    def __init__(self, *, scores: str, images: int) -> None:
        self._names = scores.split(",")
        self._images = images
        self.objectives = tuple(Objective(name) for name in self._names)
        self.needs_data = not {"grad_norm", "naswot"}.isdisjoint(self._names)
        self.in_workers = not set(self._names) <= set(_COSTS)

    def check(self, space: Space) -> None:
        if self.in_workers:
            space.build((0,) * len(space.choices), space.target)

    def open(self, space: Space, context: EvaluationContext) -> None:
        self._space, self._context, self._decoder = space, context, Decoder(space)
        if self.needs_data:  # the batch that all networks see, the classes in proportion
            data, generator = context.data, context.streams.generator("images")
            rows = in_proportion(data.train.labels.numpy(), generator)[: self._images]
            chosen = data.train.take(rows).load()
            pixels = chosen.pixels.to(context.device)
            images = prepare(pixels, data.mean, data.std, context.geometry.image_size)
            self._batch = images, chosen.labels.to(context.device)

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        try:
            return check_metrics(
                {name: self._one(name, genome) for name in self._names}, self.objectives
            )
        except (ValueError, LinAlgError) as error:
            raise EvaluatorError(f"the network cannot be scored: {error}") from error

    def _one(self, name: str, genome: Genome) -> float:
        context, full = self._context, self._decoder.full(genome)
        if name in _COSTS:
            return float(self._space.root.costs(full)[name])
        # A network for each score, with the same weights: it may do with it as it likes.
        with seeded_weights(context.streams.number("weights", *full)):
            network = self._decoder.network(genome, context.geometry)
        network.to(context.device)
        geometry = context.geometry
        if name in _WITHOUT_IMAGES:
            shape = (geometry.channels, geometry.image_size, geometry.image_size)
            return _WITHOUT_IMAGES[name](network, shape)
        images, labels = self._batch
        if name == "naswot":
            context.ledger.measured += 2 * len(images)  # the first time for BatchNorm
            return naswot(network, images)
        context.ledger.trained += len(images)
        return grad_norm(network, images, labels)


class ZeroCostEvaluator(Composite):
    """Training-free scores of stand-alone networks, as ``zero_cost?scores=naswot,dss``.

    Each score is a metric of its own name, at the run's geometry: ``synflow`` (Tanaka et al. 2020),
    ``grad_norm`` (Abdelfattah et al. 2021), ``naswot`` (Mellor et al. 2021), ``dss`` (TF-TAS, Zhou
    et al. 2022, for transformers), described in :mod:`evo_nas.evaluation.zero_cost`; and two
    baselines, ``params`` and ``flops`` at the target.

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
        images: how many training images ``grad_norm`` and ``naswot`` look at.
        reference: the size of the reference sample.
    """

    objectives = (Objective("zero_cost"),)

    def __init__(
        self,
        *,
        scores: str = "naswot,synflow",
        images: Annotated[int, at_least(2)] = 16,
        reference: Annotated[int, at_least(2)] = 64,
    ) -> None:
        self.scores = tuple(dict.fromkeys(name.strip() for name in scores.split(",")))
        for name in self.scores:
            if name not in SCORES:
                raise SettingsError(f"zero_cost has no score {name!r}; {nearest(name, SCORES)}")
        self._images, self._reference = images, reference
        spec = f"{NetworkScores.__module__}:{NetworkScores.__name__}"
        options = f"scores={','.join(self.scores)}&images={images}"
        super().__init__({"": f"{spec}?{options}"}, lead="")

    def prepare(self, space: Space) -> None:
        """Score the reference sample; networks that cannot be scored are left out of it."""
        sample = reference_sample(space, self._context, self._reference)
        progress, different = self._context.progress, len(set(sample))
        progress.start("scoring the reference sample", different, "genomes")
        known: dict[Genome, Outcome] = {}
        for genome, outcome in self.ask_sample("", sample):
            known[genome] = outcome
            progress.advance(len(known))
        found = [known[genome] for genome in sample]
        scored = [scores for scores in found if not isinstance(scores, Failure)]
        if len(scored) < len(sample) / 2:  # ranks among what is left would say little
            first = next(outcome for outcome in found if isinstance(outcome, Failure))
            raise EvaluatorError(
                f"zero_cost fails for {len(sample) - len(scored)} of the {len(sample)} networks of "
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
