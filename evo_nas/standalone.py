"""Training one architecture from scratch: a found one at its target, or a published one."""

from __future__ import annotations

from pathlib import Path

import torch

from . import registry
from .api import at_least, available_cores, choose_recipe, resolve_device, resolve_geometry
from .architectures import find_architecture
from .data import DataSource
from .delivered import describe_weights
from .errors import RunError
from .files import save_weights
from .measuring import Batches, measure, seeded_weights
from .progress import Progress
from .space import Space
from .streams import Streams
from .training import fit


def train_architecture(
    architecture: str,
    *,
    data: str,
    geometry: str,
    recipe: str,
    epochs: int | None,
    out: Path | None,
    seed: int,
    device: str,
    threads: int | None,
    progress: Progress,
) -> dict[str, object]:
    """Train from scratch by the recipe's ``train`` phase and save the weights as safetensors.

    Next to the weights a checkpoint is kept after every epoch; the same command goes on from it
    after a stop, and removes it at the end. Validation images measure it; the test split is read
    once, afterwards.

    Raises:
        EvoNasError: something given is wrong, or the output cannot be written.
    """
    found = find_architecture(architecture)
    space: Space = registry.load("space", found.space)
    genome = space.check(found.genome)
    chosen = choose_recipe(recipe, None, epochs)
    place = resolve_device(device)
    source: DataSource = registry.load("data", data)
    images = source.load(seed)
    shape = resolve_geometry(geometry, space, images)
    path = out or Path(f"{found.name}-{geometry.partition(',')[0]}.safetensors")
    if path.exists():
        raise RunError(f"{path} exists; choose another --out")
    if not path.parent.is_dir():
        raise RunError(f"there is no folder {path.parent} for --out; make it first")
    torch.set_num_threads(at_least("threads", available_cores() if threads is None else threads, 1))
    streams = Streams(seed)
    with seeded_weights(streams.number("weights")):
        network = space.build(genome, shape).to(place)
    checkpoint = path.with_name(f".{path.name}.checkpoint")
    training = Batches(images.train, images, shape.image_size, place)
    fit(network, training, chosen.train, streams, checkpoint=checkpoint, progress=progress,
        what=f"training {found.name}")  # fmt: skip
    validation = measure(network, Batches(images.validation, images, shape.image_size, place))
    test = measure(network, Batches(source.test(), images, shape.image_size, place))
    tensors = {name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}
    save_weights(path, tensors, describe_weights(found.space, genome, shape, images))
    checkpoint.unlink(missing_ok=True)
    return {
        "weights": str(path),
        "architecture": found.name,
        "geometry": str(shape),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "data": data,
        "validation_accuracy": validation.metrics()["accuracy"],
        "test_accuracy": test.metrics()["accuracy"],
    }
