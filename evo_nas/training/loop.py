"""One training loop, for shared weights and for networks from scratch.

Everything random is derived from streams by epoch, and a checkpoint is written at the end of each
epoch: a training that was stopped and goes on gives the same weights, bit for bit, as one that was
not (on the CPU for the same number of threads, see :func:`evo_nas.core.devices.torch_threads`).

A training that diverges goes back to the end of the last good epoch, at half the learning rate; to
its start, if that epoch fails again, because weights may have run away long before they overflow.
How often it did is part of the checkpoint.

Why: docs/decisions/023-set-backs.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import nn

from evo_nas.core.progress import Progress, Silent, tell_epoch
from evo_nas.core.streams import Streams
from evo_nas.core.typed import typed
from evo_nas.errors import CheckpointError, TrainingError, plain

from .batches import Batches
from .checkpoints import load_checkpoint, save_checkpoint
from .recipe import Phase
from .steps.helpers import process_count
from .steps.sandwich import BeforeStep
from .teachers.teacher import find_teacher
from .trainer import DivergedError, Epoch, Trainer, copied, pace_note

__all__ = ["Epoch", "fit", "images_trained"]

MOST_SET_BACKS = 3


def fit(
    network: nn.Module,
    batches: Batches,
    phase: Phase,
    streams: Streams,
    *,
    epochs: int | None = None,
    part: tuple[int, int] | None = None,
    before_step: BeforeStep | None = None,
    after_epoch: Callable[[Epoch, nn.Module], str] | None = None,
    processes: int = 1,
    checkpoint: Path | None = None,
    subject: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    what: str = "training",
) -> list[str]:
    """Train ``network``, which is on the batches' device already, by a recipe's phase.

    ``before_step`` is told the number of each step, and may return the paths of shared weights that
    the step trains, each as a function that selects it in the network that it is given: the first
    by the labels, further ones by what the first says
    (:func:`~evo_nas.training.steps.sandwich.path_losses`). ``epochs`` overrides the phase's. Of a
    ``part``, training stops after its second number of epochs, to go on from its checkpoint as if
    it had not; as many as its first number are known to be done. ``after_epoch`` is called with the
    network as it would be saved then, and returns what it has to add to the progress. On the CPU up
    to so many ``processes`` propagate the phase's shards; network and paths are pickled then, and
    the outcome is the same for any number. With a ``checkpoint`` path, training goes on from that
    file if it exists; it is left there at the end. ``subject`` says what is trained, so that a
    checkpoint of something else is refused.
    Images that do not fill a last batch are left out of an epoch, other ones each time.

    Returns:
        What the progress was told that bears on the result, such as a lower learning rate; also
        what it was told before a stop.

    Raises:
        TrainingError: numbers ceased to be finite more than MOST_SET_BACKS times, or the device's
            memory is too small.
        CheckpointError: the checkpoint is damaged or of another training.
        RecipeError: the phase's teacher is not there, is another one, or cannot teach this.
    """
    progress = progress or Silent()
    phase, teacher = find_teacher(phase, batches.data, batches.size, batches.device)
    phase = replace(phase, epochs=epochs or phase.epochs)
    progress.start(what, phase.epochs, "epochs")
    begin, end = part or (0, phase.epochs)
    processes = process_count(phase, batches.device.type, processes)
    trainer = Trainer(network, batches, phase, streams, progress, teacher, processes)
    training = _Training(trainer, subject or {}, what)
    standing = training.standing
    if checkpoint is not None:
        training.resume(checkpoint)
    if standing.epoch > begin:
        epochs_done = f"{standing.epoch} of {phase.epochs} epochs are done"
        progress.say(f"{what}: {epochs_done}; it goes on from there")
        progress.advance(standing.epoch)
    device = batches.device
    streams_of = [device] if device.type == "cuda" else []  # global ones, put back afterwards
    with closing(trainer), torch.random.fork_rng(devices=streams_of):
        while standing.epoch < end:
            epoch = training.advance(before_step)
            if checkpoint is not None:
                training.save(checkpoint)
            if epoch is None:
                progress.advance(standing.epoch)
                continue
            more = after_epoch(epoch, trainer.result) if after_epoch is not None else ""
            note = pace_note(epoch.loss, epoch.images_per_second)
            progress.advance(epoch.number, note + more)
            tell_epoch(progress, what, epoch)
    if phase.weight_average:
        network.load_state_dict(trainer.result.state_dict())
    return trainer.notes


def images_trained(phase: Phase, epochs: int, available: int) -> int:
    """How many images :func:`fit` trains on, repeated ones counted each time.

    What a set-back undid is not counted.
    """
    batch_size = min(phase.batch_size, available)
    return epochs * (available // batch_size) * batch_size


def images_taught(phase: Phase, epochs: int, available: int) -> int:
    """How many images a teacher sees in :func:`fit`: each that is trained on, or none."""
    return images_trained(phase, epochs, available) if phase.teacher else 0


@dataclass(slots=True)
class _Standing:
    """Where a training stands, as checkpoints say it beside weights: ``epoch`` of them are done.

    ``parts`` are the micro-batches of a batch, ``failed_after`` the epochs that were done when it
    was set back last.
    """

    epoch: Annotated[int, Field(ge=0)]
    parts: Annotated[int, Field(ge=1)]
    set_backs: Annotated[int, Field(ge=0, le=MOST_SET_BACKS)] = 0
    failed_after: Annotated[int, Field(ge=-1)] = -1
    notes: list[str] = field(default_factory=list)


class _Training:
    """A training, and the states on the CPU that it can go back to."""

    def __init__(self, trainer: Trainer, subject: Mapping[str, str], what: str) -> None:
        self._trainer, self._phase, self._what = trainer, trainer.phase, what
        self.standing = _Standing(epoch=0, parts=1)
        self._start = self._good = copied(trainer.state())
        images, seed = len(trainer.batches), trainer.streams.seed
        settings = {**subject, **trainer.phase.values, "images": images, "seed": seed}
        self._identity = {key: str(value) for key, value in settings.items()}

    def advance(self, before_step: BeforeStep | None) -> Epoch | None:
        """Train the next epoch; None if it diverged and was set back."""
        standing, trainer = self.standing, self._trainer
        try:
            epoch = trainer.run_epoch(standing.epoch, before_step)
        except torch.OutOfMemoryError as error:
            raise TrainingError(
                f"{self._what}: the memory of {trainer.batches.device} does not hold the weights "
                f"and a batch of {trainer.batch_size} images; lower batch_size in the recipe, and "
                "learning_rate with it"
            ) from error
        except DivergedError as error:
            self._set_back(error)
            return None
        for note in trainer.batches.notes():
            if note not in trainer.notes:
                trainer.say(note)
        self._good, standing.epoch = copied(trainer.state()), epoch.number
        return epoch

    def _set_back(self, error: DivergedError) -> None:
        standing, phase = self.standing, self._phase
        if standing.set_backs == MOST_SET_BACKS:
            raise TrainingError(
                f"{self._what}: {error}, although the learning rate had been lowered "
                f"{MOST_SET_BACKS} times, to {self._rate:.3g} at most; in the recipe, lower "
                f"learning_rate ({phase.learning_rate}), lengthen warmup ({phase.warmup}) or set "
                f"gradient_clip ({phase.gradient_clip})"
            ) from error
        if standing.failed_after == standing.epoch:
            self._good, standing.epoch = self._start, 0
        standing.failed_after = standing.epoch
        standing.set_backs += 1
        self._recover()
        place = f"the end of epoch {standing.epoch}" if standing.epoch else "the start"
        self._trainer.say(
            f"{self._what}: {error}; it goes on from {place} with half the learning rate, "
            f"{self._rate:.3g} at most (set back {standing.set_backs} of {MOST_SET_BACKS} times)"
        )

    def _recover(self) -> None:
        self._trainer.load(self._good)
        self._trainer.factor = 0.5**self.standing.set_backs

    @property
    def _rate(self) -> float:
        return self._phase.learning_rate * self._trainer.factor

    def save(self, path: Path) -> None:
        """Write everything that the next epoch starts from."""
        self.standing.parts, self.standing.notes = self._trainer.step.parts, self._trainer.notes
        save_checkpoint(path, {"identity": self._identity, **asdict(self.standing), **self._good})

    def resume(self, path: Path) -> None:
        """Go on from the checkpoint, if there is one."""
        state = load_checkpoint(path, self._trainer.progress.say)
        if state is None:
            return
        known = state.get("identity")
        if not isinstance(known, dict):
            raise CheckpointError(f"checkpoint {path} is of an earlier version; delete it")
        for key in {**self._identity, **known}:
            there, here = known.get(key), self._identity.get(key)
            if there != here:
                raise CheckpointError(
                    f"checkpoint {path} belongs to another training: {plain(str(key))} is {there} "
                    f"there, {here} here; delete it to train anew"
                )
        try:
            self._take(state)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # torch raises what it stumbles over, of many kinds
            reason = str(error).strip().partition("\n")[0]
            raise CheckpointError(
                f"checkpoint {path} is none that this training left ({type(error).__name__}: "
                f"{reason}); delete it, and the training begins anew"
            ) from error

    def _take(self, state: Mapping[str, Any]) -> None:
        """Load a state from a file, checked: a stranger may have written it."""
        names = [each.name for each in fields(_Standing)]
        told = {name: state[name] for name in names if name in state}
        found = typed(_Standing, told, "its state", CheckpointError)
        if found.epoch > self._phase.epochs or found.parts > self._trainer.batch_size:
            raise ValueError("it is further than the recipe goes")
        for name in names:
            setattr(self.standing, name, getattr(found, name))
        self._good = {name: state[name] for name in self._good}
        self._trainer.step.parts, self._trainer.notes = found.parts, found.notes
        self._recover()
