"""A study of shared weights on one device, sized so that it ends in time.

    python -m benchmarks.study FOLDER --minutes 8 [--data DATA] [--device DEVICE] [--width 96]
                               [--batch 1024] [--seeds 3] [--samples 300]

Times on the device, at the geometry: a step of a plain network, a step of shared weights, and
scores of a generation on them. From these follow the epochs that fit into the minutes. Prints what
each part of the study will take, and writes FOLDER/study.toml, budget.toml and sandwich.toml, the
recipes of ``runs/recipes/gpu_study.sh``, which runs it. Exits with 1 where not one epoch fits.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from evo_nas.core.devices import resolve_device
from evo_nas.core.plugins import registry
from evo_nas.core.typed import toml_text
from evo_nas.data.images import prepare
from evo_nas.data.source import SearchData
from evo_nas.evaluation.paths import score
from evo_nas.sampling.distribution import prior
from evo_nas.search.settings import resolve_geometry
from evo_nas.space.decoder import Decoder
from evo_nas.space.space import Geometry, Space
from evo_nas.training.augmentation.mixup import Batch
from evo_nas.training.recipe import Augmentation, Recipe, load_recipe
from evo_nas.training.steps.step import Stepper
from evo_nas.training.trainer import make_optimizer

GENOMES, REPEATS, INCLUDED = 24, 2, 4  # of the pool
GENERATION = 50
SPARE = 0.75  # of the minutes is planned; the rest is for starts, measuring and reports


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds of an image trained in a plain network and on shared weights, and of a score."""

    plain: float
    shared: float
    score: float


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the study: images trained in an epoch of plain networks and of shared weights."""

    name: str
    plain: float = 0
    shared: float = 0
    scores: int = 0

    def seconds(self, pace: Pace, epochs: int) -> float:
        trained = self.plain * pace.plain + self.shared * pace.shared
        return epochs * trained + self.scores * pace.score


def parts(images: int, seeds: int, samples: int, finalists: int) -> list[Part]:
    """The study's parts; finalists inherit, and train for a quarter of the epochs.

    A search has two supernets of all epochs. SPOS and random networks at equal cost and the network
    that is trained for as long cost as much, and SPOS once more by the paper's protocol, from which
    equal cost follows. References are two, and two at equal FLOPs.
    """
    networks = GENOMES + INCLUDED
    search = Part("", finalists / 2 * images, 2 * images, 2 * samples)
    runs = 5 * seeds
    return [
        Part("pool", plain=networks * REPEATS * images),
        # Flat ones, trained for as long as both levels' ones: separate, entangled, the additive
        # model's, by paths of the budget, and by three paths a step.
        Part("supernets that it judges", shared=2 * (1 + 1 + 1 + 1 + 3) * images, scores=700),
        Part(
            "comparison at equal cost",
            runs * search.plain + 4 * seeds * images,
            runs * search.shared,
            runs * search.scores,
        ),
    ]


def timed(step: Callable[[], object], device: str, steps: int = 10) -> float:
    """The median seconds of so many steps, after one that nobody counts."""
    times: list[float] = []
    step()
    for _ in range(steps):
        start = time.perf_counter()
        step()
        if device != "cpu":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def measure(
    space: Space, geometry: Geometry, data: SearchData, recipe: Recipe, device: str
) -> Pace:
    """Time steps and scores as the study does them."""
    rng, phase = np.random.default_rng(0), recipe.train
    size = min(phase.batch_size, len(data.train))
    shape = (size, geometry.channels, geometry.image_size, geometry.image_size)
    labels = torch.arange(size) % geometry.classes
    batch = Batch(torch.randn(shape).to(device), labels.to(device))
    genomes = [prior(space).draw(space, rng) for _ in range(GENERATION)]
    plain = space.build(genomes[0], geometry).to(device)
    shared = space.entangled_supernet(geometry).to(device)
    decoder = Decoder(space)

    def stepper(network: torch.nn.Module) -> Stepper:
        return Stepper(network, make_optimizer(network, phase, device), phase, print)

    step, path_step = stepper(plain), stepper(shared)

    def shared_step() -> None:
        decoder.select(shared, genomes[int(rng.integers(GENERATION))])
        path_step(batch)

    ready = partial(prepare, mean=data.mean, std=data.std, size=geometry.image_size)
    validation = data.validation.take(np.arange(min(len(data.validation), 500))).load()
    validation = replace(validation, labels=validation.labels.to(device))
    calibration = data.train.take(np.arange(min(len(data.train), 64))).load().pixels

    def scores() -> None:
        score(shared, genomes, validation, calibration, lambda pixels: ready(pixels.to(device)))

    return Pace(
        timed(lambda: step(batch), device) / size,
        timed(shared_step, device) / size,
        timed(scores, device, steps=1) / GENERATION,
    )


def recipes(epochs: int, batch: int) -> dict[str, Recipe]:
    """The study's recipes by name: as "quick", for photographs, of so many epochs."""
    quick = load_recipe("quick")
    augmentation = (
        Augmentation(crop_scale=0.6, horizontal_flip=0.5) if epochs > 2 else Augmentation()
    )
    rate = min(1.5e-4 * batch**0.5, 4e-3)  # AdamW's, which grows with the root of a batch
    phase = replace(quick.train, epochs=epochs, batch_size=batch, learning_rate=rate,
                    warmup=0.1, augmentation=augmentation)  # fmt: skip
    study = replace(
        quick, name="study", train=phase, supernet=phase, validation_images=500,
        finetune=replace(phase, epochs=max(epochs // 4, 1), learning_rate=rate / 2),
    )  # fmt: skip
    return {
        "study": study,
        "budget": replace(study, name="budget", paths="budget"),
        "sandwich": replace(study, name="sandwich", sandwich=3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--data", default="digits")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--samples", type=int, default=300)
    parser.add_argument("--finalists", type=int, default=5)
    given = parser.parse_args()
    space, device = registry.load("space", "glit_hl"), resolve_device(given.device)
    data = registry.load("data", given.data).load(0)
    geometry = resolve_geometry(f"proxy,width={given.width}", space, data)
    torch.set_num_threads(1)
    pace = measure(space, geometry, data, recipes(1, given.batch)["study"], device)
    planned = parts(len(data.train), given.seeds, given.samples, given.finalists)
    fixed, time_left = sum(part.seconds(pace, 0) for part in planned), 60 * SPARE * given.minutes
    epoch = sum(part.seconds(pace, 1) for part in planned) - fixed
    epochs = int((time_left - fixed) / epoch)
    print(f"{geometry}, {len(data.train):,} images, {device}")
    print(f"a plain network {1 / pace.plain:,.0f} images/s, shared weights {1 / pace.shared:,.0f}, "
          f"{1 / pace.score:,.1f} scores/s")  # fmt: skip
    if epochs < 1:
        needed = (fixed + epoch) / 60 / SPARE
        sys.exit(f"one epoch takes {needed:,.1f} minutes; give --minutes, or be content with less")
    for part in planned:
        print(f"{part.name}: {part.seconds(pace, epochs) / 60:.1f} min")
    total = (fixed + epochs * epoch) / 60
    print(f"{epochs} epochs: {total:.1f} of {given.minutes:g} minutes, the rest to spare")
    given.folder.mkdir(parents=True, exist_ok=True)
    for name, recipe in recipes(epochs, given.batch).items():
        table = {key: value for key, value in asdict(recipe).items() if key != "name"}
        (given.folder / f"{name}.toml").write_text(toml_text(table))


if __name__ == "__main__":
    main()
