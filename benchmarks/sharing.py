"""Separate and entangled shared weights: how good their paths are after the same training.

    python -m benchmarks.sharing [SEEDS] [--recipe FILE]... [--flops RANGE] [--epochs NUMBER]

At stage 2 of ``glit_hl`` on digits, below a random first stage, by the recipe "quick" or others.
For each seed it prints the mean accuracy of 50 random paths within the budget and its range,
Kendall's tau between the halves of the validation images (what the ranking repeats of itself),
weights, images and seconds of training. Images are counted once for each path of a step.
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
from evo_nas.sampling.checks import Limits
from evo_nas.sampling.limits import parse_range
from evo_nas.sampling.sampler import Sampler
from evo_nas.sampling.several import feasible_within
from evo_nas.search.settings import choose_recipe, with_epochs
from evo_nas.training.recipe import Recipe

PATHS = 50


def measure(recipe: Recipe, sharing: str, limits: Limits, seed: int) -> None:
    """Train one supernet, and print what its paths are worth."""
    space, data = registry.load("space", "glit_hl"), registry.load("data", "digits").load(seed)
    rng = np.random.default_rng(seed)
    first = feasible_within(space.stage(0), limits, 0)
    legal = feasible_within(space.stage(1, first.space.lift(Sampler(first).typical(rng))), limits)
    evaluator = registry.load("evaluator", f"supernet?sharing={sharing}")
    with tempfile.TemporaryDirectory() as folder:
        geometry = space.proxy(8, 1, len(data.classes))
        context = EvaluationContext(
            Streams(seed), Path(folder), geometry, data, recipe, recipe.supernet.epochs, legal=legal
        )
        began = time.perf_counter()
        evaluator.open(legal.space, context)
        seconds = time.perf_counter() - began
        genomes = [Sampler(legal).typical(rng) for _ in range(PATHS)]
        scores = [metrics for _, metrics in evaluator.evaluate_many(genomes)]
        evaluator.close()
    accuracies, even, odd = (
        [score[name] for score in scores] for name in ("accuracy", "accuracy_even", "accuracy_odd")
    )
    make = legal.space.entangled_supernet if sharing == "entangled" else legal.space.supernet
    weights = sum(weight.numel() for weight in make(geometry).parameters())
    print(
        f"{recipe.name}, seed {seed}, {sharing}: mean accuracy {np.mean(accuracies):.3f} "
        f"({min(accuracies):.3f} to {max(accuracies):.3f}), tau of halves "
        f"{kendall(even, odd):+.2f}, {weights:,} weights, {context.ledger.trained:,} images in "
        f"{seconds:.0f} s",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("seeds", nargs="?", type=int, default=3)
    parser.add_argument("--recipe", action="append", help="a name, or a file of one's own; several")
    parser.add_argument("--flops", help="within what paths are scored, and drawn by some recipes")
    parser.add_argument("--epochs", type=int, help="of all recipes instead of their own")
    given = parser.parse_args()
    torch.set_num_threads(1)
    limits = Limits((parse_range(given.flops),) if given.flops else ())
    recipes = [
        with_epochs(choose_recipe(name), given.epochs, None) for name in given.recipe or ["quick"]
    ]
    for seed in range(given.seeds):
        for recipe in recipes:
            for sharing in ("separate", "entangled"):
                measure(recipe, sharing, limits, seed)


if __name__ == "__main__":
    main()
