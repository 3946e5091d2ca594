"""Separate and entangled shared weights: what paths are worth after the same training.

    python -m benchmarks.sharing [SEEDS] [--finalists N] [--recipe FILE]... [--flops RANGE]
                                 [--epochs N]

At stage 2 of ``glit_hl`` on digits, below a random first stage, by the recipe "quick" or others.
For each seed it prints of 50 random paths within the budget: their mean accuracy and its range;
Kendall's tau of their scores, by loss and by accuracy, with the loss on all validation images. Then
the mean validation accuracy of the first N of them when they train on from their shared weights by
the recipe's ``finetune``, and as many epochs from scratch by its ``train``. Images of shared
weights are counted once for each path of a step.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from evo_nas.core.plugins import registry
from evo_nas.core.streams import Streams
from evo_nas.evaluation.evaluator import EvaluationContext, Evaluator
from evo_nas.results.statistics import kendall
from evo_nas.sampling.checks import Limits
from evo_nas.sampling.limits import parse_range
from evo_nas.sampling.sampler import Sampler
from evo_nas.sampling.several import feasible_within
from evo_nas.search.settings import DIGITS, choose_recipe, with_epochs
from evo_nas.space.space import Genome, Space
from evo_nas.training.ledger import Ledger
from evo_nas.training.recipe import Recipe

PATHS = 50


def measure(recipe: Recipe, sharing: str, limits: Limits, finalists: int, seed: int) -> None:
    """Train one supernet, and print what its paths are worth."""
    space, data = registry.load("space", "glit_hl"), registry.load("data", DIGITS).load(seed)
    rng = np.random.default_rng(seed)
    first = feasible_within(space.stage(0), limits, 0)
    legal = feasible_within(space.stage(1, first.space.lift(Sampler(first).typical(rng))), limits)
    with tempfile.TemporaryDirectory() as folder:
        geometry = space.proxy(8, 1, len(data.classes))
        context = EvaluationContext(
            Streams(seed), Path(folder), geometry, data, recipe, recipe.supernet.epochs, legal=legal
        )
        genomes = [Sampler(legal).typical(rng) for _ in range(PATHS)]
        spec, began = f"supernet?sharing={sharing}", time.perf_counter()
        with opened(spec, legal.space, context) as evaluator:
            seconds = time.perf_counter() - began
            scores = metrics_of(evaluator, genomes)
            inherited = trained(legal.space, context, genomes[:finalists], evaluator)
        all_images = f"{spec}&validation_images={len(data.validation)}"
        with opened(all_images, legal.space, replace(context, ledger=Ledger())) as it:
            truth = [-metrics["loss"] for metrics in metrics_of(it, genomes)]
        alone = trained(legal.space, context, genomes[:finalists])
    accuracies = [score["accuracy"] for score in scores]
    by_loss = kendall([-score["loss"] for score in scores], truth)
    print(
        f"{recipe.name}, seed {seed}, {sharing}: mean accuracy {np.mean(accuracies):.3f} "
        f"({min(accuracies):.3f} to {max(accuracies):.3f}); tau by loss {by_loss:+.2f}, by "
        f"accuracy {kendall(accuracies, truth):+.2f}; {context.ledger.trained:,} images in "
        f"{seconds:.0f} s; trained on {inherited:.3f}, from scratch {alone:.3f}",
        flush=True,
    )


@contextmanager
def opened(spec: str, space: Space, context: EvaluationContext) -> Iterator[Evaluator]:
    evaluator: Evaluator = registry.load("evaluator", spec)
    evaluator.open(space, context)
    try:
        yield evaluator
    finally:
        evaluator.close()


def metrics_of(evaluator: Evaluator, genomes: Sequence[Genome]) -> list[Mapping[str, float]]:
    found = dict(evaluator.evaluate_many(genomes))
    return [found[position] for position in range(len(genomes))]  # type: ignore[misc]


def trained(
    space: Space,
    context: EvaluationContext,
    genomes: Sequence[Genome],
    shared: Evaluator | None = None,
) -> float:
    """The mean accuracy of networks that train on from shared weights, or from scratch."""
    recipe, weights = context.recipe, None if shared is None else shared.initial_weights
    epochs = recipe.retraining(inherit=True).epochs
    alone = replace(context, folder=context.folder / ("on" if shared else "scratch"), epochs=epochs,
                    initial_weights=weights, ledger=Ledger())  # fmt: skip
    with opened("train", space, alone) as evaluator:
        return float(np.mean([each["accuracy"] for each in metrics_of(evaluator, genomes)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("seeds", nargs="?", type=int, default=3)
    parser.add_argument("--finalists", type=int, default=2, help="how many are trained alone")
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
                measure(recipe, sharing, limits, given.finalists, seed)


if __name__ == "__main__":
    main()
