"""Scores candidates by training each alone: slow, and what the other scores stand for.

On the CPU several networks train at once, each in a process of one thread, so that the results are
the same for any number of threads; on a GPU one after another.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from evo_nas.decoder import Decoder
from evo_nas.evaluator import EvaluationContext, Evaluator, Objective, Outcome
from evo_nas.files import load_weights, read_metadata, remove_checkpoint, save_weights
from evo_nas.imageset import ImageSet
from evo_nas.measuring import Batches, Ledger, measure, seeded_weights
from evo_nas.outcomes import metrics_of
from evo_nas.parallel import pack, run_unordered
from evo_nas.progress import Messages, Progress
from evo_nas.recipe import Phase
from evo_nas.space import Genome, Space
from evo_nas.stochastic_depth import UNKNOWN, set_stochastic_depth
from evo_nas.streams import Streams
from evo_nas.training import fit, images_trained


class TrainEvaluator(Evaluator):
    """Trains by the recipe's ``train`` phase and measures on the validation images.

    From scratch, or from the shared weights that the context offers.

    The weights of each network stay in the context's folder; see :meth:`weights`.
    """

    objectives = (Objective("accuracy"), Objective("loss", maximise=False))
    inherits = True

    def open(self, space: Space, context: EvaluationContext) -> None:
        """Prepare the folder."""
        self._space, self._context = space, context
        self._decoder = Decoder(space)
        self._messages = Messages(context.progress)
        context.folder.mkdir(parents=True, exist_ok=True)

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        """The scores of one genome."""
        return metrics_of(self, genome)

    def evaluate_many(self, genomes: Sequence[Genome]) -> Iterator[tuple[int, Outcome]]:
        """Train them side by side; a network that was trained before is only measured."""
        context = self._context
        workers = max(1, min(context.jobs, len(genomes))) if context.device == "cpu" else 1
        tasks = [self._task(genome, workers) for genome in genomes]
        if context.recipe.train.stochastic_depth and not all(task.drops for task in tasks):
            self._messages.say(UNKNOWN)  # in a worker, nobody would hear it
        if context.device == "cpu":
            results = run_unordered(_train_and_measure, tasks, workers)
        else:
            results = (
                (i, _train_and_measure(task, self._messages)) for i, task in enumerate(tasks)
            )
        for position, (metrics, ledger, notes) in results:
            for note in notes:
                self._messages.say(note)  # in a worker, nobody heard it
            context.notes.extend(notes)
            context.ledger.trained += ledger.trained
            context.ledger.measured += ledger.measured
            yield position, metrics

    def weights(self, genome: Genome) -> Path | None:
        """The safetensors file with the trained network's weights, if it has been trained."""
        path = self._path(genome)
        return path if path.exists() else None

    def _path(self, genome: Genome) -> Path:
        digest = hashlib.sha256(repr(self._decoder.full(genome)).encode()).hexdigest()[:16]
        return self._context.folder / f"{digest}.safetensors"

    def _task(self, genome: Genome, workers: int) -> _Task:
        context, lifted = self._context, self._decoder.full(genome)
        # A stream of the network's own: its result is the same in whatever company it is trained.
        streams = Streams(context.streams.number("train", *lifted))
        with seeded_weights(streams.number("weights")):
            network = self._decoder.network(genome, context.geometry)
        start = ""
        if context.initial_weights is not None:
            network.load_state_dict(context.initial_weights(genome))
            start = ", from shared weights"
        data = context.data
        rate = context.recipe.train.stochastic_depth
        return _Task(
            network=pack(network),
            drops=set_stochastic_depth(network, rate) > 0,
            weights=self._path(genome),
            metadata={
                "space": self._space.name,
                "genome": " ".join(map(str, lifted)),
                "geometry": str(context.geometry),
                "training": f"{context.recipe.train}, {context.epochs} epochs{start}",
                "seed": str(context.streams.seed),
                "data": data.fingerprint,
            },
            train=data.train.for_processes(workers),
            validation=data.validation.for_processes(workers),
            mean=data.mean,
            std=data.std,
            size=context.geometry.image_size,
            phase=context.recipe.train,
            epochs=context.epochs,
            streams=streams,
            device=context.device,
        )


@dataclass(frozen=True, slots=True)
class _Task:
    """What a worker needs: plain values, and images as they are kept."""

    network: bytes
    drops: bool  # whether the network knows stochastic depth
    weights: Path
    metadata: dict[str, str]
    train: ImageSet
    validation: ImageSet
    mean: tuple[float, ...]
    std: tuple[float, ...]
    size: int
    phase: Phase
    epochs: int
    streams: Streams
    device: str

    def batches(self, images: ImageSet) -> Batches:
        return Batches(images, self, self.size, self.device)


def _train_and_measure(
    task: _Task, progress: Progress | None = None
) -> tuple[dict[str, float], Ledger, list[str]]:
    """Metrics, cost, and what there is to say of the training."""
    network: nn.Module = pickle.loads(task.network)  # our own bytes, from the parent process
    ledger = Ledger(images_trained(task.phase, task.epochs, len(task.train)))
    weights = load_weights(task.weights, task.metadata)
    if weights is not None:
        network.load_state_dict(weights)
        notes = json.loads(read_metadata(task.weights).get("notes", "[]"))
    network.to(task.device)
    if weights is None:
        checkpoint = task.weights.with_suffix(".checkpoint")
        notes = fit(
            network,
            task.batches(task.train),
            task.phase,
            task.streams,
            epochs=task.epochs,
            checkpoint=checkpoint,
            progress=progress,
            what=f"training genome {task.metadata['genome']}",
        )
        told = {"notes": json.dumps(notes)} if notes else {}
        save_weights(task.weights, network.state_dict(), task.metadata | told)
        remove_checkpoint(checkpoint)
    return measure(network, task.batches(task.validation), ledger).metrics(), ledger, notes
