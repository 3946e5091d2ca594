"""Scores candidates by training each alone: slow, and what the other scores stand for.

The engine trains several at once, in processes of one thread each or on a GPU each, so that the
results are the same for any number of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from pydantic import FiniteFloat

from evo_nas.core.files import write_atomically
from evo_nas.core.progress import Messages
from evo_nas.core.streams import Streams
from evo_nas.core.typed import typed
from evo_nas.core.validation import read_json
from evo_nas.errors import CheckpointError, EvaluatorError
from evo_nas.evaluation.evaluator import EvaluationContext, Evaluator, Objective
from evo_nas.space.decoder import Decoder
from evo_nas.space.logits import wrong_network
from evo_nas.space.space import Genome, Space
from evo_nas.training.batches import measure, seeded_weights
from evo_nas.training.ledger import Ledger
from evo_nas.training.loop import fit, images_taught, images_trained
from evo_nas.training.weights import train_once


@dataclass(frozen=True, slots=True)
class _Pause:
    """A training that stopped early: what it is called in its file, what it had come to by then."""

    training: dict[str, str]
    metrics: dict[str, FiniteFloat]
    notes: list[str]

    @classmethod
    def once(
        cls,
        path: Path,
        training: dict[str, str],
        make: Callable[[], tuple[dict[str, float], list[str]]],
    ) -> _Pause:
        """That in the file ``path``, or what is made now, and kept there: weights may go on."""
        if path.exists():
            kept = typed(cls, read_json(path, CheckpointError), path, CheckpointError)
            if kept.training == training:
                return kept
        pause = cls(training, *make())
        write_atomically(path, json.dumps(asdict(pause)).encode())
        return pause


class TrainEvaluator(Evaluator):
    """Trains by the recipe and measures on the validation images.

    From scratch by its ``train``, or from the shared weights that the context offers by its
    ``finetune``. A network that was trained before is only measured. The weights of each stay in
    the context's folder; see :meth:`weights`. Trainings that pause stay there as checkpoints.
    """

    objectives = (Objective("accuracy"), Objective("loss", maximise=False))
    inherits = True
    keeps_weights = True
    in_workers = True
    pauses = True

    def open(self, space: Space, context: EvaluationContext) -> None:
        self._space, self._context = space, context
        self._decoder = Decoder(space)
        self._messages = Messages(context.progress)
        context.folder.mkdir(parents=True, exist_ok=True)

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        return self.evaluate_part(genome, 0, self._context.epochs)

    def evaluate_part(self, genome: Genome, begin: int, end: int) -> Mapping[str, float]:
        context, lifted = self._context, self._decoder.full(genome)
        inherits, data = context.initial_weights is not None, context.data
        phase = context.recipe.retraining(inherits)
        # A stream of the network's own: its result is the same in whatever company it is trained.
        streams = Streams(context.streams.number("train", *lifted))
        with seeded_weights(streams.number("weights")):
            network = self._decoder.network(genome, context.geometry)
        start = ""
        if context.initial_weights is not None:
            network.load_state_dict(context.initial_weights(genome))
            start = ", from shared weights"
        metadata = {
            "space": self._space.name,
            "genome": " ".join(map(str, lifted)),
            "geometry": str(context.geometry),
            "training": f"{phase.identity}, {context.epochs} epochs{start}",
            "seed": str(context.streams.seed),
            "data": data.fingerprint,
        }
        network.to(context.device)
        if wrong := wrong_network(network, context.geometry):
            raise EvaluatorError(f"the network cannot be trained: {wrong}")
        train = partial(
            fit,
            network,
            context.batches(data.train),
            phase,
            streams,
            epochs=context.epochs,
            part=(begin, end),
            progress=self._messages,
            what=f"training genome {metadata['genome']}",
        )
        path, validation = self._path(genome), context.batches(data.validation)

        def pause() -> tuple[dict[str, float], list[str]]:
            notes = train(checkpoint=path.with_suffix(".checkpoint"))
            return measure(network, validation).metrics(), notes

        if end < context.epochs:
            paused = _Pause.once(path.with_suffix(f".{end}.json"), metadata, pause)
            metrics, notes = paused.metrics, paused.notes
        else:
            told = {"teaching": json.dumps(phase.teaching)} if phase.teacher else {}
            notes = train_once(network, path, metadata, train, told)
            metrics = measure(network, validation).metrics()
        for note in notes:
            self._messages.say(note)
        context.notes.extend(notes)
        images = (phase, end - begin, len(data.train))
        seen = images_taught(*images) + len(data.validation)
        context.ledger.add(Ledger(images_trained(*images), seen))
        return metrics

    def weights(self, genome: Genome) -> Path | None:
        path = self._path(genome)
        return path if path.exists() else None

    def _path(self, genome: Genome) -> Path:
        digest = hashlib.sha256(repr(self._decoder.full(genome)).encode()).hexdigest()[:16]
        return self._context.folder / f"{digest}.safetensors"
