"""Scores candidates without training them, by what their fresh weights do.

Cheap, and no more than a hint: what such scores say beyond the size of a network differs between
spaces, so look at ``evo-nas trust`` before following one. ``params`` and ``flops`` are there to be
compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor
from torch.linalg import LinAlgError  # type: ignore[attr-defined]  # NumPy's is a ValueError

from evo_nas.data import in_proportion
from evo_nas.decoder import Decoder
from evo_nas.errors import EvaluatorError, SettingsError, nearest
from evo_nas.evaluator import EvaluationContext, Evaluator, Failure, Objective, check_metrics
from evo_nas.images import prepare
from evo_nas.measuring import seeded_weights
from evo_nas.reference import Standing, reference_sample
from evo_nas.space import Genome, Space
from evo_nas.training_free import dss, grad_norm, naswot, synflow

_WITHOUT_IMAGES: Mapping[str, Callable[..., float]] = {"dss": dss, "synflow": synflow}
_COSTS = ("flops", "params")
_SCORES = ("grad_norm", "naswot", *_WITHOUT_IMAGES, *_COSTS)


class ZeroCostEvaluator(Evaluator):
    """Training-free scores of stand-alone networks, as ``zero_cost?scores=naswot,dss``.

    Each score is a metric of its own name, at the run's geometry: ``synflow`` (Tanaka et al. 2020),
    ``grad_norm`` (Abdelfattah et al. 2021), ``naswot`` (Mellor et al. 2021), ``dss`` (TF-TAS, Zhou
    et al. 2022, for transformers), described in :mod:`evo_nas.training_free`; and two baselines,
    ``params`` and ``flops`` at the target.

    The objective ``zero_cost`` is the mean of their ranks, not among the candidates, which would
    change with every new one, but among a reference sample that is drawn from the prior of what the
    budget admits when the evaluator is opened: 0.9 is better than nine tenths of what one would
    draw at random. See :class:`evo_nas.reference.Standing` about what is better than all of it.
    Networks of the sample that cannot be scored, up to half of it, are left out.

    Weights are drawn by seed, for each genome its own, and images are ``images`` training images
    chosen by seed, so a score depends on neither order nor company.

    Args:
        scores: names, with commas between.
        images: how many training images ``grad_norm`` and ``naswot`` look at.
        reference: the size of the reference sample.
    """

    objectives = (Objective("zero_cost"),)

    def __init__(
        self, *, scores: str = "naswot,synflow", images: int = 16, reference: int = 64
    ) -> None:
        self.scores = tuple(dict.fromkeys(name.strip() for name in str(scores).split(",")))
        for name in self.scores:
            if name not in _SCORES:
                raise SettingsError(f"zero_cost has no score {name!r}; {nearest(name, _SCORES)}")
        for option, number in (("images", images), ("reference", reference)):
            if type(number) is not int or number < 2:
                raise SettingsError(f"{option}={number!r} must be a whole number, 2 or more")
        self.needs_data = not {"grad_norm", "naswot"}.isdisjoint(self.scores)
        self._images, self._reference = images, reference

    def check(self, space: Space) -> None:
        """Refuse a space that builds no networks."""
        if not set(self.scores) <= set(_COSTS):
            space.build((0,) * len(space.choices), space.target)

    def open(self, space: Space, context: EvaluationContext) -> None:
        """Score the reference sample."""
        self._space, self._context, self._decoder = space, context, Decoder(space)
        if self.needs_data:
            self._batch = self._some_images()
        sample = reference_sample(space, context, self._reference)
        context.progress.start("scoring the reference sample", len(sample), "genomes")
        known: dict[Genome, dict[str, float] | Failure] = {}
        for done, genome in enumerate(sample, start=1):
            if genome not in known:
                known[genome] = self._score_or_failure(genome)
            context.progress.advance(done)
        scored = [scores for genome in sample if isinstance(scores := known[genome], dict)]
        if len(scored) < len(sample) / 2:  # ranks among what is left would say little
            first = next(failure for failure in known.values() if isinstance(failure, Failure))
            raise EvaluatorError(
                f"zero_cost fails for {len(sample) - len(scored)} of the {len(sample)} networks of "
                f"its reference sample, for the first because {first.reason}; choose others of the "
                f"scores {', '.join(_SCORES)}"
            )
        self._standings = {
            name: Standing([scores[name] for scores in scored]) for name in self.scores
        }

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        """Each score, and the mean of their places in the reference sample."""
        scores = self._score(genome)
        places = [self._standings[name].place(value) for name, value in scores.items()]
        return {"zero_cost": sum(places) / len(places), **scores}

    def _score_or_failure(self, genome: Genome) -> dict[str, float] | Failure:
        """Networks of the reference sample that cannot be scored are left out of it."""
        try:
            return self._score(genome)
        except (Exception, SystemExit) as error:  # networks of others may fail in any way
            return Failure.by(error)

    def _score(self, genome: Genome) -> dict[str, float]:
        try:
            return check_metrics({name: self._one(name, genome) for name in self.scores}, ())
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

    def _some_images(self) -> tuple[Tensor, Tensor]:
        """The batch that all networks see: float images and labels, the classes in proportion."""
        context, data = self._context, self._context.data
        generator = context.streams.generator("images")
        rows = in_proportion(data.train.labels.numpy(), generator)[: self._images]
        chosen = data.train.take(rows).load()
        pixels = chosen.pixels.to(context.device)
        images = prepare(pixels, data.mean, data.std, context.geometry.image_size)
        return images, chosen.labels.to(context.device)
