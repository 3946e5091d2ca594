"""What it costs to be able to go back, and what it brings where the learning rate is too high.

    python -m benchmarks.training_faults

Trains shared weights of GLiT's first stage on 640 digits, at the proxy, with SGD, at ever higher
rates. "as it was" says whether the weights would have been lost without going back.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import torch

from evo_nas.core.plugins import registry
from evo_nas.core.progress import Silent
from evo_nas.core.streams import Streams
from evo_nas.errors import TrainingError
from evo_nas.sampling.distribution import prior
from evo_nas.space.supernet import Supernet
from evo_nas.training.batches import Batches, seeded_weights
from evo_nas.training.loop import fit
from evo_nas.training.recipe import Phase
from evo_nas.training.trainer import Trainer, copied, not_finite

from .timing import medians, report

PHASE = Phase("sgd", 3, 64, 0.05, 1e-4)
RATES = (0.05, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rates", nargs="+", type=float, default=RATES)
    rates: list[float] = parser.parse_args().rates
    torch.set_num_threads(1)
    data = registry.load("data", "digits?train=640&validation=100&test=100").load(0)
    batches = Batches(data.train, data, 8)
    stage = registry.load("space", "glit_hl").stage(0)
    legal = prior(stage)

    def new() -> Supernet:
        with seeded_weights(0):
            return stage.supernet(stage.proxy(8, 1, 10))

    def select(supernet: Supernet, step: int) -> None:
        genome = legal.draw(stage, Streams(0).generator("path", step))
        supernet.select(stage.lift(genome))

    supernet = new()
    trainer = Trainer(supernet, batches, PHASE, Streams(0), Silent())
    epoch, kept = medians(
        lambda: trainer.run_epoch(0, lambda step: select(supernet, step)),
        lambda: (not_finite(trainer.state()), copied(trainer.state())),
        5,
    )
    parameters = sum(p.numel() for p in supernet.parameters())
    print(f"{parameters:,} shared parameters, epochs of {trainer.steps} steps, one thread")
    report("an epoch", epoch, "looking at its state and copying it", kept)

    for rate in rates:
        supernet = new()
        phase = replace(PHASE, learning_rate=rate)
        try:
            before = lambda step, network=supernet: select(network, step)  # noqa: E731
            notes = fit(supernet, batches, phase, Streams(0), before_step=before)
            end = f"trained, set back {len(notes)} times, highest rate {rate / 2 ** len(notes):g}"
        except TrainingError as error:
            notes, end = [""], f"error: {str(error)[:70]}..."
        print(f"rate {rate:g}: as it was: {'lost' if notes else 'trained'}; now: {end}")


if __name__ == "__main__":
    main()
