"""Scores candidates by training each alone: slow, and what the other scores stand for.

The engine trains several at once, in processes of one thread each or on a GPU each, so that the
results are the same for any number of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from evo_nas.core.progress import Messages
from evo_nas.core.streams import Streams
from evo_nas.errors import EvaluatorError
from evo_nas.evaluation.evaluator import EvaluationContext, Evaluator, Objective
from evo_nas.space.decoder import Decoder
from evo_nas.space.logits import wrong_network
from evo_nas.space.space import Genome, Space
from evo_nas.training.batches import measure, seeded_weights
from evo_nas.training.loop import fit, images_trained
from evo_nas.training.weights import train_once


class TrainEvaluator(Evaluator):
    """Trains by the recipe and measures on the validation images.

    From scratch by its ``train``, or from the shared weights that the context offers by its
    ``finetune``. A network that was trained before is only measured. The weights of each stay in
    the context's folder; see :meth:`weights`.
    """

    objectives = (Objective("accuracy"), Objective("loss", maximise=False))
    inherits = True
    keeps_weights = True
    in_workers = True

    def open(self, space: Space, context: EvaluationContext) -> None:
        self._space, self._context = space, context
        self._decoder = Decoder(space)
        self._messages = Messages(context.progress)
        context.folder.mkdir(parents=True, exist_ok=True)

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
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
            progress=self._messages,
            what=f"training genome {metadata['genome']}",
        )
        notes = train_once(network, self._path(genome), metadata, train)
        for note in notes:
            self._messages.say(note)
        context.notes.extend(notes)
        context.ledger.trained += images_trained(phase, context.epochs, len(data.train))
        return measure(network, context.batches(data.validation), context.ledger).metrics()

    def weights(self, genome: Genome) -> Path | None:
        path = self._path(genome)
        return path if path.exists() else None

    def _path(self, genome: Genome) -> Path:
        digest = hashlib.sha256(repr(self._decoder.full(genome)).encode()).hexdigest()[:16]
        return self._context.folder / f"{digest}.safetensors"
