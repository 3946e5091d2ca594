"""Training one architecture from scratch: a found one at its target, or a published one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from torch import nn

from evo_nas.core.devices import resolve_device
from evo_nas.core.plugins import places, registry
from evo_nas.core.progress import Progress
from evo_nas.core.streams import Streams
from evo_nas.core.workers.start import worker_processes
from evo_nas.data.source import inventory
from evo_nas.errors import RunError, SpaceError, counted
from evo_nas.evaluation.final_test.test_split import measure_test
from evo_nas.results.facts import inventory_facts
from evo_nas.search.given.values import whole_number
from evo_nas.search.settings import choose_recipe, resolve_geometry, with_epochs
from evo_nas.space.logits import wrong_network
from evo_nas.space.space import Space
from evo_nas.training.batches import Batches, measure, seeded_weights
from evo_nas.training.checkpoints import remove_checkpoint
from evo_nas.training.log import TrainingLog
from evo_nas.training.loop import Epoch, fit
from evo_nas.training.teachers.teacher import find_teacher
from evo_nas.training.weights import SUFFIX, Delivered, describe_weights, save_weights

from .images import Images, images_for
from .names import find_untrained

_TOLD = ("teacher", "distillation", "test_accuracy", "test_failure")  # where they were measured


def train_architecture(
    architecture: str,
    *,
    data: str | None = None,
    geometry: str = "target",
    recipe: str = "quick",
    changes: Sequence[str] = (),
    epochs: int | None = None,
    out: Path,
    log: Path | None = None,
    validate_every: int = 1,
    seed: int = 0,
    device: str = "auto",
    threads: int = 1,
    jobs: int | None = None,
    progress: Progress,
) -> dict[str, object]:
    """Train from scratch by the recipe's ``train`` phase and save the weights as safetensors.

    Without ``data`` the images are those that the network was found on; which, is said.
    ``changes`` of the phase are written as in a recipe: ``augmentation.mixup=0``. A checkpoint is
    kept after every epoch, see :func:`checkpoint_path`; the same command goes on from it after a
    stop, and removes it at the end. ``log`` is a folder for TensorBoard. Validation images measure
    the network every so many epochs (0: only at the end); the test split is read once, afterwards.
    ``jobs`` processes (all cores) propagate the shards of the phase, each in so many ``threads``.

    Raises:
        EvoNasError: something given is wrong, or the output cannot be written.
    """
    if out.suffix != SUFFIX:
        raise RunError(f"weights are written as safetensors: give --out {out.with_suffix(SUFFIX)}")
    found = find_untrained(architecture)
    space: Space = registry.load("space", found.space)
    genome = space.check(found.genome)
    phase = with_epochs(choose_recipe(recipe, changes), None, epochs).train
    whole_number("validate_every", validate_every, 0)
    place = resolve_device(device)
    chosen = images_for(architecture) if data is None else Images(data, "")
    source, images = chosen.load(seed)
    understood = [("note", note) for note in images.notes]
    understood += inventory_facts(inventory(source, images))
    shape = resolve_geometry(geometry, space, images)
    _say_plan(found.name, chosen, str(shape), recipe, phase.epochs, seed, progress)
    phase, teacher = find_teacher(phase, images, shape.image_size, place)
    if teacher is not None:
        understood.append(("teacher", teacher.introduction(phase, place)))
    for name, told in understood:
        progress.say(f"{name}: {told}")
    if out.exists():
        raise RunError(f"{out} exists; choose another --out")
    if not out.parent.is_dir():
        raise RunError(f"there is no folder {out.parent} for --out; make it first")
    torch.set_num_threads(whole_number("threads", threads, 1))
    streams = Streams(seed)
    with seeded_weights(streams.number("weights")):
        network = space.build(genome, shape).to(place)
    if wrong := wrong_network(network, shape):
        raise SpaceError(f"{found.name} of space {found.space} cannot be trained: {wrong}")
    training = Batches(images.train, images, shape.image_size, place)
    validation = Batches(images.validation, images, shape.image_size, place)
    board = None if log is None else TrainingLog(log)
    subject = {
        "network": " ".join([space.name, *map(str, genome)]),
        "geometry": str(shape),
        "data": images.fingerprint,
    }
    fit(
        network,
        training,
        phase,
        streams,
        after_epoch=partial(_watch, validation, validate_every, board),
        checkpoint=checkpoint_path(out),
        subject=subject,
        processes=worker_processes(None if jobs is None else whole_number("jobs", jobs, 1)),
        progress=progress,
        what=f"training {found.name}",
    )
    if board is not None:
        board.close()
    metrics = measure(network, validation).metrics()
    measured: dict[str, float | str] = {
        f"validation_{name}": metrics[name] for name in ("accuracy", "standard_error")
    }
    tested = measure_test(network, source, images, shape.image_size, place)
    measured |= tested.measured
    for note in filter(None, (*tested.notes, tested.warning)):
        progress.say(note)
    metadata = {"training": phase.identity, "seed": str(seed), "data": images.fingerprint}
    about = Delivered(
        found.space, genome, shape, images.mean, images.std, images.classes, images.reading
    )
    known = {
        "data": places.absolute("data", chosen.spec),
        "seed": seed,
        "recipe": recipe,
        "epochs": phase.epochs,
        "fingerprint": images.fingerprint,
    }
    measured |= phase.teaching
    metadata |= describe_weights(about) | {"measured": json.dumps(known | measured)}
    save_weights(out, network.state_dict(), metadata)
    remove_checkpoint(checkpoint_path(out))
    return {
        "weights": str(out),
        "architecture": found.name,
        "geometry": str(shape),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "data": chosen.spec,
        "validation_accuracy": measured["validation_accuracy"],
        **{key: measured[key] for key in _TOLD if key in measured},
        **(
            {"test_balanced_accuracy": tested.confusion.balanced_accuracy}
            if tested.confusion
            else {}
        ),
    }


def output_path(architecture: str, geometry: str) -> Path:
    """Where the weights go unless something else is said: NAME-GEOMETRY.safetensors."""
    name = find_untrained(architecture).name
    return Path(f"{name}-{geometry.partition(',')[0]}{SUFFIX}")


def checkpoint_path(out: Path) -> Path:
    """The checkpoint of a training whose weights go to ``out``."""
    return out.with_name(f".{out.name}.checkpoint")


def _say_plan(
    name: str,
    images: Images,
    geometry: str,
    recipe: str,
    epochs: int,
    seed: int,
    progress: Progress,
) -> None:
    """Say what is trained how, and how a run did that it may be compared with."""
    why = f", the images {images.why}" if images.why else ""
    progress.say(f"data: {registry.short(images.spec)}{why}")
    progress.say(f"{name} at {geometry}; recipe {recipe}, {counted(epochs, 'epoch')}, seed {seed}")
    run = images.run
    if run is not None:
        finalists = run.recipe.retraining(run.inherit).epochs
        start = "from shared weights" if run.inherit else "from scratch"
        progress.say(
            f"the run itself trained at {run.geometry}; recipe {run.recipe.name}, "
            f"{counted(finalists, 'epoch')} {start}, seed {run.seed}"
        )


def _watch(
    validation: Batches, every: int, board: TrainingLog | None, epoch: Epoch, network: nn.Module
) -> str:
    """Measure and log after an epoch; what to say of it."""
    accuracy = None
    if every and epoch.number % every == 0:
        accuracy = measure(network, validation).metrics()["accuracy"]
    if board is not None:
        board.add(epoch, accuracy)
    return "" if accuracy is None else f", validation accuracy {accuracy:.4f}"
