"""Does the supernet rank networks as training each alone does, and better than counting would?

    python -m benchmarks.ranking                       # stage 1, 24 genomes
    python -m benchmarks.ranking --stage 2 --genomes 16

Draws genomes of a stage from its prior (stage 2: with the published GLiT-Tiny's heads), scores them
with the stage's supernet, trains each from scratch by the same recipe, and prints how far scores
and trivial baselines agree with the accuracies: Kendall's tau-b with 95% bootstrap intervals over
genomes, and Spearman's rho. Baselines have no sign known beforehand: the better one is printed,
which flatters them. "-" is the supernet's tau minus the baseline's, with its interval.

With --folder, weights are kept there: a stopped benchmark goes on, a finished one is only printed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from evo_nas import registry
from evo_nas.api import available_cores, resolve_geometry
from evo_nas.distribution import prior
from evo_nas.evaluator import EvaluationContext, Evaluator
from evo_nas.recipe import Recipe, load_recipe
from evo_nas.space import Genome, Space
from evo_nas.statistics import Values, bootstrap, correlation, kendall, spearman
from evo_nas.streams import Streams


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(1)
    root: Space = registry.load("space", arguments.space)
    decided = registry.load("network", "glit_tiny").genome if arguments.stage == 2 else None
    space = root.stage(arguments.stage - 1, decided)
    streams = Streams(arguments.seed)
    genomes = _draw(space, arguments.genomes, streams)
    data = registry.load("data", arguments.data).load(arguments.seed)
    geometry = resolve_geometry("proxy", root, data)
    recipe = load_recipe(arguments.recipe)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(arguments.folder or temporary)

        def scores(name: str, epochs: int) -> list[Mapping[str, float]]:
            context = EvaluationContext(
                streams, folder / name, geometry, data, recipe, epochs, jobs=arguments.jobs
            )
            return _scores(registry.load("evaluator", name), space, genomes, context)

        shared = scores("supernet", recipe.supernet.epochs)
        alone = scores("train", recipe.train.epochs)
    _report(arguments.stage, recipe, _accuracies(alone), {
        "supernet accuracy": _accuracies(shared),
        "supernet loss": np.array([-metrics["loss"] for metrics in shared]),
    }, {
        "FLOPs": np.array([float(space.costs(genome)["flops"]) for genome in genomes]),
        "global heads": np.array([_global_heads(space, genome) for genome in genomes]),
    })  # fmt: skip


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--genomes", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stage", type=int, choices=(1, 2), default=1)
    parser.add_argument("--jobs", type=int, default=available_cores())
    parser.add_argument("--space", default="glit_hl")
    parser.add_argument("--data", default="digits")
    parser.add_argument("--recipe", default="quick")
    parser.add_argument("--folder", help="keep weights here; default: nowhere")
    arguments = parser.parse_args()
    if arguments.genomes < 4:
        parser.error("--genomes: 4 at least")
    return arguments


def _draw(space: Space, count: int, streams: Streams) -> list[Genome]:
    distribution = prior(space)
    return [distribution.draw(space, streams.generator("ranking", i)) for i in range(count)]


def _scores(
    evaluator: Evaluator, space: Space, genomes: Sequence[Genome], context: EvaluationContext
) -> list[Mapping[str, float]]:
    start = time.perf_counter()
    evaluator.open(space, context)
    found = dict(evaluator.evaluate_many(genomes))
    evaluator.close()
    print(f"{context.folder.name}: {time.perf_counter() - start:.0f} s", flush=True)
    return [found[position] for position in range(len(genomes))]


def _accuracies(scores: Sequence[Mapping[str, float]]) -> Values:
    return np.array([metrics["accuracy"] for metrics in scores])


def _global_heads(space: Space, genome: Genome) -> float:
    options = space.root.options(space.lift(genome))
    return float(sum(int(v) for name, v in options.items() if name.endswith(".heads")))


def _report(
    stage: int,
    recipe: Recipe,
    alone: Values,
    supernet: Mapping[str, Values],
    baselines: Mapping[str, Values],
) -> None:
    print(f"stage {stage}, {len(alone)} genomes, recipe {recipe.name}; alone: {_spread(alone)}")
    for name, values in supernet.items():
        _line(name, values, alone)
    accuracy = supernet["supernet accuracy"]
    print(f"supernet: {_spread(accuracy)}")
    for name, counted in baselines.items():
        values = counted if kendall(counted, alone) >= 0 else -counted
        label = f"{'more' if values is counted else 'fewer'} {name}"
        if np.ptp(values) == 0:
            print(f"{name}: the same for all genomes")
            continue
        _line(label, values, alone)
        print(f"{'  supernet accuracy - it':26}tau {bootstrap(_ahead, accuracy, values, alone)}")


def _ahead(ours: Values, theirs: Values, truth: Values) -> float:
    return kendall(ours, truth) - kendall(theirs, truth)


def _line(name: str, values: Values, alone: Values) -> None:
    tau, rho = correlation(kendall, values, alone), spearman(values, alone)
    print(f"{name:26}tau {tau}   rho {rho:+.2f}")


def _spread(values: Values) -> str:
    return f"accuracy {values.mean():.3f}, sd {values.std(ddof=1):.3f}"


if __name__ == "__main__":
    main()
