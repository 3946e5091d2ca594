"""Scores candidates with shared weights: one supernet, in which each candidate is a path.

Training draws one path a step from the prior of the space that is searched, unless the recipe says
otherwise.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from operator import methodcaller
from pathlib import Path
from typing import Annotated, Literal

import torch
from torch import Tensor

from evo_nas.core.plugins.blame import ANYHOW
from evo_nas.core.plugins.digests import told_parts
from evo_nas.core.plugins.options import ByRecipe, FilePath, at_least
from evo_nas.core.streams import Streams
from evo_nas.data.images import Images, ImageSet
from evo_nas.errors import EvaluatorError
from evo_nas.evaluation.evaluator import EvaluationContext, Evaluator, Objective
from evo_nas.evaluation.path_workers import PathScorer, PathWorkers
from evo_nas.evaluation.score_cache import ScoreCache
from evo_nas.evaluation.training_paths import TrainingPaths
from evo_nas.space.decoder import Decoder
from evo_nas.space.logits import wrong_network
from evo_nas.space.space import Genome, Geometry, Space
from evo_nas.space.supernet import Supernet
from evo_nas.training.batches import seeded_weights
from evo_nas.training.loop import fit, images_taught, images_trained
from evo_nas.training.recipe import Recipe
from evo_nas.training.steps.sandwich import Selection
from evo_nas.training.trainer import training_memory
from evo_nas.training.weights import (
    Count,
    load_weights,
    read_metadata,
    read_told,
    take_weights,
    train_once,
)

WEIGHTS = "supernet.safetensors"  # other programs read it, too
SCORES = "scores.sqlite"
_CODE = "code"  # in the metadata of weights: of spaces that are not ours


class SupernetEvaluator(Evaluator):
    """Trains the space's supernet when it is opened, then scores whole generations on it.

    Images are chosen by seed, the same for every candidate. Each step of the training draws one
    path (uniform sampling); the recipe's keys ``paths`` and ``sandwich`` say otherwise.

    Source: Guo et al. 2020, "Single Path One-Shot Neural Architecture Search with Uniform
    Sampling"; Chen et al. 2021, "GLiT", section 3.2.2.

    Args:
        validation_images: how many of these score a candidate; by default as the recipe says.
        calibration_images: how many training images give a candidate its BatchNorm statistics; by
            default as the recipe says.
        sharing: how networks share weights, for spaces that know several ways (GLiT's): "separate",
            where equal parts are one module, or "entangled", where all are slices of the largest;
            by default as the recipe says.
        rank: what decides first, "accuracy" or "loss"; by default as the recipe says, and
            "accuracy" where there is none, as in limits.
        run: the folder of an earlier run; its shared weights are used where it has some for the
            same subspace, code of the space, geometry and images, and scores that it has are not
            computed again.
    """

    objectives = (Objective("accuracy"), Objective("loss", maximise=False))
    shares_weights = True

    def __init__(
        self,
        *,
        validation_images: Annotated[int, at_least(2)] | None = None,
        calibration_images: Annotated[int, at_least(2)] | None = None,
        sharing: Literal["separate", "entangled"] | None = None,
        rank: Annotated[Literal["accuracy", "loss"], ByRecipe()] = "accuracy",
        run: Annotated[str, FilePath()] | None = None,
    ) -> None:
        if rank == "loss":
            self.objectives = self.objectives[::-1]
        self._validation_images = validation_images
        self._calibration_images = calibration_images
        self._asked = sharing
        self._run = None if run is None else Path(run)
        if self._run is not None and not _trained_in(self._run):
            raise EvaluatorError(f"{self._run} holds no shared weights; name the folder of a run")

    def check(self, space: Space) -> None:
        root = space.root
        if type(root).supernet is Space.supernet:
            root.supernet(root.target)  # builds none: it says what to use instead
        if self._asked is not None and not root.entangles:
            raise EvaluatorError(
                f"supernet?sharing={self._asked}: {root.name} shares weights in one "
                "way; leave it out"
            )

    def demand(self, space: Space, geometry: Geometry, recipe: Recipe) -> str:
        try:
            with torch.device("meta"):
                supernet = self._make(space, recipe)(geometry)
        except ANYHOW:  # a plug-in's may look at its weights while it makes them
            return ""
        weights = sum(weight.numel() for weight in supernet.parameters())
        memory = training_memory(supernet, recipe.supernet) / 2**20
        sharing = "entangled" if self._entangles(space, recipe) else "separate"
        how = f", {sharing}" if space.root.entangles else ""
        return f"{weights:,} shared weights{how}, {memory:,.0f} MB in training"

    def open(self, space: Space, context: EvaluationContext) -> None:
        self._space, self._context, self._streams = space, context, context.streams
        self._paths = TrainingPaths(space, context.recipe, context.legal, context.streams)
        self._decoder = Decoder(space)
        data = context.data
        with seeded_weights(context.streams.number("supernet", "weights")):
            self._supernet = self._make(space, context.recipe)(context.geometry)
        self._supernet.to(context.device)
        first = space.canonical((0,) * len(space.choices))
        self._decoder.select(self._supernet, first)
        if wrong := wrong_network(self._supernet, context.geometry):
            raise EvaluatorError(f"supernet() of {space.root.name}, the path of {first}: {wrong}")
        weights = self._earlier_weights() or self._train()
        count = self._calibration_images or context.recipe.calibration_images
        self._calibration = self._some(data.train, count, "calibration")
        count = self._validation_images or context.recipe.validation_images
        self._validation = self._some(data.validation, count, "validation")
        size, images = context.geometry.image_size, (self._validation, self._calibration)
        scorer = PathScorer(self._supernet, *images, data.mean, data.std, size, context.device)
        self._workers = PathWorkers(scorer, context.jobs if context.device == "cpu" else 1)
        scores = weights.with_name(SCORES)
        self._cache = ScoreCache(scores, self._key(weights), again=context.progress.say)

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        ((_, metrics),) = self.evaluate_many([genome])
        return metrics

    def evaluate_many(self, genomes: Sequence[Genome]) -> Iterator[tuple[int, Mapping[str, float]]]:
        """All genomes together: they share calibration and validation images, and common steps."""
        paths = [self._decoder.full(genome) for genome in genomes]
        scores = self._cache.get(paths)
        new = [path for path in dict.fromkeys(paths) if path not in scores]
        if new:
            computed = dict(zip(new, self._workers.score(new), strict=True))
            self._cache.put({p: m for p, m in computed.items() if math.isfinite(m["loss"])})
            scores |= computed
        images = len(self._validation)
        for position, path in enumerate(paths):
            metrics = scores[path]
            self._context.ledger.measured += images + len(self._calibration)
            accuracy = metrics["accuracy"]
            error = math.sqrt(accuracy * (1 - accuracy) / images)
            # Halves say how reliable a score is that ranks; those of accuracy always did.
            by_loss = self.objectives[0].name == "loss"
            told = {k: m for k, m in metrics.items() if by_loss or not k.startswith("loss_")}
            yield position, {**told, "standard_error": error}

    def initial_weights(self, genome: Genome) -> Mapping[str, Tensor]:
        weights = self._supernet.extract(self._decoder.full(genome))
        return {name: tensor.detach().cpu().clone() for name, tensor in weights.items()}

    def _some(self, images: ImageSet, count: int, purpose: str) -> Images:
        """At most so many of the images, the same for every candidate, decoded."""
        if count < len(images):
            generator = self._streams.generator("supernet", purpose)
            images = images.take(generator.permutation(len(images))[:count])
        return images.load().at(torch.device(self._context.device))

    def _earlier_weights(self) -> Path | None:
        """Take the weights of an earlier run, if one is named and has some that fit."""
        wanted, code = self._subject(), self._code()
        for path in [] if self._run is None else _trained_in(self._run):
            metadata = read_metadata(path)
            if any(metadata.get(key) != value for key, value in wanted.items()):
                continue
            if metadata.get(_CODE, "") != code:
                self._context.progress.say(f"{path} is of other code of the space, and not used")
                continue
            weights = load_weights(path, wanted)
            assert weights is not None, "the file was there a moment ago"
            self._context.notes.extend(take_weights(self._supernet, weights, path))
            # The same images score candidates as in that run, whatever the seed is here.
            self._streams = Streams(read_told(path, "seed", Count))
            self._context.ledger.trained += read_told(path, "images_trained", Count)
            self._context.ledger.measured += read_told(path, "images_taught", Count, "0")
            self._context.progress.say(f"shared weights: {path}")
            return path
        if self._run is not None:
            self._context.progress.say(
                f"{self._run} has no shared weights for this subspace, geometry and these images"
                f"{f' within {self._paths.within}' if self._paths.within else ''}: "
                "new ones are trained"
            )
        return None

    def _train(self) -> Path:
        """Train the shared weights, or read them if that was done before; their file."""
        context, folder = self._context, self._context.folder
        folder.mkdir(parents=True, exist_ok=True)
        phase, epochs = context.recipe.supernet, context.epochs
        trained = self._paths.passes * images_trained(phase, epochs, len(context.data.train))
        taught = images_taught(phase, epochs, len(context.data.train))
        on = self._paths.identity
        metadata = {
            **self._subject(),
            "training": ", ".join([*map(" ".join, on.items()), phase.identity, f"{epochs} epochs"]),
            "images_trained": str(trained),
            "seed": str(context.streams.seed),
            **({"images_taught": str(taught)} if taught else {}),
        }
        path = folder / WEIGHTS
        if on and not path.exists():
            context.progress.say(f"shared weights: each step trains {self._paths.told}")
        context.ledger.trained += trained
        context.ledger.measured += taught
        train = partial(
            fit,
            self._supernet,
            context.batches(context.data.train),
            phase,
            context.streams,
            epochs=epochs,
            before_step=self._selections,
            processes=context.jobs,
            subject=on,
            progress=context.progress,
            what="training shared weights",
        )
        code = self._code()  # not compared: who goes on with other code has accepted it
        notes = train_once(self._supernet, path, metadata, train, {_CODE: code} if code else {})
        context.notes.extend(notes)
        return path

    def _entangles(self, space: Space, recipe: Recipe) -> bool:
        """Whether weights are slices of the largest network's; not where there is no choice."""
        return (self._asked or recipe.sharing) == "entangled" and space.root.entangles

    def _make(self, space: Space, recipe: Recipe) -> Callable[[Geometry], Supernet]:
        return space.entangled_supernet if self._entangles(space, recipe) else space.supernet

    def _selections(self, step: int) -> list[Selection]:
        paths = self._paths.of(step)
        return [methodcaller("select", self._decoder.full(genome)) for genome in paths]

    def _subject(self) -> dict[str, str]:
        """What the weights are of and were trained on: all that they share between searches."""
        root = self._space.root
        reachable: dict[str, object] = {slot: self._space.reachable(slot) for slot in root.slots}
        if root.context:
            reachable[""] = self._space.reachable_contexts()
        # Weights of before tell of no sharing and no limits: they are separate, of the whole prior.
        if self._entangles(root, self._context.recipe):
            reachable["sharing"] = "entangled"
        if self._paths.within:
            reachable["within"] = self._paths.within
        return {
            "space": root.name,
            "paths": hashlib.sha256(repr(reachable).encode()).hexdigest(),
            "geometry": str(self._context.geometry),
            "data": self._context.data.fingerprint,
        }

    def _code(self) -> str:
        """A digest of the space's code and options; "" where both are ours."""
        spec = getattr(self._space.root, "spec", None)
        if not isinstance(spec, str) or not (parts := told_parts("space", spec)):
            return ""
        told = [spec.partition("?")[2], *parts]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()

    def _key(self, weights: Path) -> str:
        """What scores depend on besides the genome: weights, images, kind of device, own code."""
        digest = hashlib.sha256(self._context.device.partition(":")[0].encode())
        digest.update(self._code().encode())
        with weights.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
        for images in (self._validation, self._calibration):
            for tensor in (images.pixels, images.labels):
                digest.update(tensor.cpu().contiguous().numpy().data)
        return digest.hexdigest()

    def close(self) -> None:
        self._workers.close()
        self._cache.close()


def _trained_in(run: Path) -> list[Path]:
    return sorted(run.glob(f"**/{WEIGHTS}"))
