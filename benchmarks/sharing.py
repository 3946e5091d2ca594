"""Separate and entangled shared weights: how good their paths are after the same training.

    python -m benchmarks.sharing [SEEDS]

At stage 2 of ``glit_hl`` on digits, below a random first stage, by the recipe "quick". For each
seed it prints the mean accuracy of 50 random paths and its range, Kendall's tau between the halves
of the validation images (what the ranking repeats of itself), weights, and seconds of training.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from evo_nas.core.plugins import registry
from evo_nas.core.streams import Streams
from evo_nas.evaluation.evaluator import EvaluationContext
from evo_nas.results.statistics import kendall
from evo_nas.sampling.distribution import prior
from evo_nas.training.recipe import load_recipe
from evo_nas.training.weights import read_metadata

PATHS = 50


def measure(sharing: str, seed: int) -> None:
    """Train one supernet, and print what its paths are worth."""
    space, data = registry.load("space", "glit_hl"), registry.load("data", "digits").load(seed)
    rng = np.random.default_rng(seed)
    first = space.stage(0)
    stage = space.stage(1, first.lift(prior(first).draw(first, rng)))
    evaluator = registry.load("evaluator", f"supernet?sharing={sharing}")
    recipe = load_recipe("quick")
    with tempfile.TemporaryDirectory() as folder:
        geometry = space.proxy(8, 1, len(data.classes))
        context = EvaluationContext(
            Streams(seed), Path(folder), geometry, data, recipe, recipe.supernet.epochs
        )
        began = time.perf_counter()
        evaluator.open(stage, context)
        seconds = time.perf_counter() - began
        genomes = [prior(stage).draw(stage, rng) for _ in range(PATHS)]
        scores = [metrics for _, metrics in evaluator.evaluate_many(genomes)]
        evaluator.close()
        trained = read_metadata(Path(folder) / "supernet.safetensors")["images_trained"]
    accuracies, even, odd = (
        [score[name] for score in scores] for name in ("accuracy", "accuracy_even", "accuracy_odd")
    )
    make = stage.entangled_supernet if sharing == "entangled" else stage.supernet
    weights = sum(weight.numel() for weight in make(geometry).parameters())
    print(
        f"seed {seed}, {sharing}: mean accuracy {np.mean(accuracies):.3f} ({min(accuracies):.3f} "
        f"to {max(accuracies):.3f}), tau of halves {kendall(even, odd):+.2f}, {weights:,} weights, "
        f"{trained} images in {seconds:.0f} s",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("seeds", nargs="?", type=int, default=3)
    torch.set_num_threads(1)
    for seed in range(parser.parse_args().seeds):
        for sharing in ("separate", "entangled"):
            measure(sharing, seed)


if __name__ == "__main__":
    main()
