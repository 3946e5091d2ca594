"""How much of accuracy against FLOPs does a search of both dominate after so many evaluations?

    python -m benchmarks.hypervolume --space 'nas_bench_macro?file=FILE.json'
    python -m benchmarks.hypervolume --space benchmarks/landscapes.py:Ordinal?instance={seed}

Strategies search with each of the seeds, without a store; {seed} in a space's options is replaced.
Prints the mean hypervolume, and by how much it is more than the first strategy's with the same
seeds: the mean and its 95% interval, from resampled seeds. The hypervolume is that of accuracy and
FLOPs, both scaled to 0 to 1 by the worst and the best of 1,000 random networks, above the worst.
"""

from __future__ import annotations

import argparse

import joblib
import moocore
import numpy as np

from benchmarks.sample_efficiency import legal_genomes, searched
from evo_nas.results.statistics import bootstrap
from evo_nas.sampling.feasible import Feasible
from evo_nas.sampling.tables import Floats
from evo_nas.space.space import Genome
from evo_nas.strategies.settings import Settings

STRATEGIES = "nsga2;ehvi"
DRAWN = 1000


def main() -> None:
    arguments = _arguments()
    after = [int(number) for number in arguments.after.split(",")]
    print(f"{arguments.space} within {arguments.flops or 'any'} FLOPs, {arguments.seeds} seeds,")
    print(f"populations of {arguments.population}; hypervolume, and more than the first's (95%)")
    print(f"{'after':>24}" + "".join(f"{number:>34}" for number in after) + "   ms a candidate")
    first: Floats | None = None
    for spec in arguments.strategies.split(";"):
        searches = joblib.Parallel(n_jobs=arguments.jobs, backend="multiprocessing")(
            joblib.delayed(_search)(arguments, spec, seed, after) for seed in range(arguments.seeds)
        )
        found = np.array([volumes for volumes, _ in searches])  # (seeds, after)
        first = found if first is None else first
        cells = ""
        for volumes, others in zip(found.T, first.T, strict=True):
            more = bootstrap(np.mean, volumes - others)
            told = f"{more.value:+.4f} ({more.low:+.4f} to {more.high:+.4f})"
            cells += f"{volumes.mean():8.4f} " + (f"{told:>25}" if found is not first else " " * 25)
        own = np.mean([milliseconds for _, milliseconds in searches])
        print(f"{spec:>24}{cells}{own:17.2f}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--space", required=True, help="a space that knows its results")
    parser.add_argument("--flops", help="the budget; any number of FLOPs if left out")
    parser.add_argument("--strategies", default=STRATEGIES, help="separated by semicolons")
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--population", type=int, default=50, help="a generation of nsga2")
    parser.add_argument("--evaluations", type=int, default=200)
    parser.add_argument("--after", default="100,200", help="where to look at the hypervolume")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    return parser.parse_args()


def _search(
    arguments: argparse.Namespace, spec: str, seed: int, after: list[int]
) -> tuple[list[float], float]:
    """The hypervolume after so many evaluations, and milliseconds of CPU a candidate."""
    legal = legal_genomes(arguments.space.replace("{seed}", str(seed)), arguments.flops)
    half = arguments.population // 2
    settings = Settings(
        samples=arguments.evaluations, population=2 * half, crossover=half, mutation=half
    )
    scored, milliseconds = searched(legal, spec, seed, settings)
    rng = np.random.default_rng(0)
    drawn = _losses(legal, [legal.draw(legal.prior, rng) for _ in range(DRAWN)])
    worst, best = drawn.max(axis=0), drawn.min(axis=0)
    losses = (_losses(legal, [one.genome for one in scored]) - best) / (worst - best)
    return [moocore.hypervolume(losses[:number], ref=1.0) for number in after], milliseconds


def _losses(legal: Feasible, genomes: list[Genome]) -> Floats:
    """What is to be low of each: minus the accuracy, and FLOPs."""
    space = legal.space
    return np.array([(-space.metrics(g)["accuracy"], space.costs(g)["flops"]) for g in genomes])


if __name__ == "__main__":
    main()
