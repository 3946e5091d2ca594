"""Scores candidates with shared weights: one supernet, in which each candidate is a path.

Training draws one path a step from the prior of the space that is searched (uniform single-path
sampling: Guo et al., ECCV 2020, and the GLiT paper, section 3.2.2).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from evo_nas.data import Images
from evo_nas.decoder import Decoder
from evo_nas.distribution import prior
from evo_nas.errors import EvaluatorError
from evo_nas.evaluator import EvaluationContext, Evaluator, Objective
from evo_nas.files import load_weights, save_weights
from evo_nas.generation import score
from evo_nas.images import prepare
from evo_nas.measuring import Batches, Ledger, seeded_weights
from evo_nas.scoring_workers import ScoringJob, score_in_processes
from evo_nas.space import Genome, Space
from evo_nas.supernet import Supernet
from evo_nas.training import fit, images_trained

WEIGHTS = "supernet.safetensors"  # other programs read it, too
CHECKPOINT = "supernet.checkpoint"


class SupernetEvaluator(Evaluator):
    """Trains the space's supernet when it is opened, then scores whole generations on it.

    ``validation_images`` limits how many validation images score a candidate, and
    ``calibration_images`` how many training images give its BatchNorm statistics (default: as the
    recipe says). Both are chosen by seed, the same for every candidate.
    """

    objectives = (Objective("accuracy"), Objective("loss", maximise=False))

    def __init__(
        self, *, validation_images: int | None = None, calibration_images: int | None = None
    ) -> None:
        for name, number in (
            ("validation_images", validation_images),
            ("calibration_images", calibration_images),
        ):
            if number is not None and (type(number) is not int or number < 2):
                raise EvaluatorError(f"{name}={number!r} must be a whole number, 2 or more")
        self._validation_images = validation_images
        self._calibration_images = calibration_images
        self.ledger = Ledger()

    def open(self, space: Space, context: EvaluationContext) -> None:
        """Train the supernet of what ``space`` can reach, or read it if that was done before."""
        self._space, self._context, self._prior = space, context, prior(space)
        self._decoder = Decoder(space)
        data = context.data
        with seeded_weights(context.streams.number("supernet", "weights")):
            self._supernet = space.supernet(context.geometry)
        self._supernet.to(context.device)
        self._train()
        count = self._calibration_images or context.recipe.calibration_images
        self._calibration = self._some(data.train, count, "calibration")
        count = self._validation_images or context.recipe.validation_images
        self._validation = self._some(data.validation, count, "validation")
        self._job: ScoringJob | None = None

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        """The scores of a generation of one."""
        return next(self.evaluate_many([genome]))[1]

    def evaluate_many(self, genomes: Sequence[Genome]) -> Iterator[tuple[int, Mapping[str, float]]]:
        """All genomes together: they share calibration and validation images, and common steps."""
        paths = [self._decoder.full(genome) for genome in genomes]
        on_cpu = self._context.device == "cpu"
        scored = self._score_in_processes(paths) if on_cpu else self._score_here(paths)
        images = len(self._validation)
        self.ledger.measured += len(genomes) * (images + len(self._calibration))
        for position, metrics in enumerate(scored):
            accuracy = metrics["accuracy"]
            error = math.sqrt(accuracy * (1 - accuracy) / images)
            yield position, {**metrics, "standard_error": error}

    def _score_in_processes(self, paths: Sequence[Genome]) -> Sequence[Mapping[str, float]]:
        context, data = self._context, self._context.data
        if self._job is None:
            self._job = ScoringJob.of(
                self._supernet,
                self._validation,
                self._calibration,
                data.mean,
                data.std,
                context.geometry.image_size,
            )
        return score_in_processes(self._job, paths, context.jobs)

    def _score_here(self, paths: Sequence[Genome]) -> Sequence[Mapping[str, float]]:
        data, size = self._context.data, self._context.geometry.image_size
        ready = partial(prepare, mean=data.mean, std=data.std, size=size)
        calibration = self._calibration.pixels
        return score(self._supernet, paths, self._validation, calibration, ready).metrics

    @property
    def supernet(self) -> Supernet:
        """The trained shared weights."""
        return self._supernet

    def _some(self, images: Images, count: int, purpose: str) -> Images:
        """At most so many of the images, the same for every candidate, on the device."""
        if count < len(images):
            generator = self._context.streams.generator("supernet", purpose)
            images = images.take(generator.permutation(len(images))[:count])
        device = self._context.device
        return Images(images.pixels.to(device), images.labels.to(device))

    def _train(self) -> None:
        context, folder = self._context, self._context.folder
        folder.mkdir(parents=True, exist_ok=True)
        metadata = self._metadata()
        weights = load_weights(folder / WEIGHTS, metadata)
        phase, epochs, images = context.recipe.supernet, context.epochs, len(context.data.train)
        self.ledger.trained += images_trained(phase, epochs, images)
        if weights is not None:
            self._supernet.load_state_dict(weights)
            return
        batches = Batches(
            context.data.train, context.data, context.geometry.image_size, context.device
        )
        fit(
            self._supernet,
            batches,
            phase,
            context.streams,
            epochs=epochs,
            before_step=self._select_at_random,
            checkpoint=folder / CHECKPOINT,
            progress=context.progress,
            what="training shared weights",
        )
        save_weights(folder / WEIGHTS, self._supernet.state_dict(), metadata)
        (folder / CHECKPOINT).unlink(missing_ok=True)

    def _select_at_random(self, step: int) -> None:
        generator = self._context.streams.generator("supernet", "path", step)
        genome = self._prior.draw(self._space, generator)
        self._decoder.select(self._supernet, genome)

    def _metadata(self) -> dict[str, str]:
        context = self._context
        return {
            "space": self._space.name,
            "choices": " ".join(choice.name for choice in self._space.choices),
            "geometry": str(context.geometry),
            "training": f"{context.recipe.supernet}, {context.epochs} epochs",
            "seed": str(context.streams.seed),
            "data": context.data.fingerprint,
        }
