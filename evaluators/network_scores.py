"""Scores of one network with fresh weights, compared with no others."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor
from torch.linalg import LinAlgError  # type: ignore[attr-defined]  # NumPy's is a ValueError

from evo_nas.data.images_parts import prepare
from evo_nas.data.source import in_proportion
from evo_nas.errors import EvaluatorError
from evo_nas.evaluation.evaluator import EvaluationContext, Evaluator, Objective, check_metrics
from evo_nas.evaluation.zero_cost import dss, grad_norm, naswot, synflow
from evo_nas.space.decoder import Decoder
from evo_nas.space.space import Genome, Space
from evo_nas.training.batches import seeded_weights

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
        """Refuse a space that builds no networks, if a score needs some."""
        if self.in_workers:
            space.build((0,) * len(space.choices), space.target)

    def open(self, space: Space, context: EvaluationContext) -> None:
        """Choose the images."""
        self._space, self._context, self._decoder = space, context, Decoder(space)
        if self.needs_data:
            self._batch = self._some_images()

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        """Each score."""
        try:
            return check_metrics({name: self._one(name, genome) for name in self._names}, ())
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
