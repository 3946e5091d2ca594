"""How good is the best network found after so many evaluations, where all results are known?

    python -m benchmarks.sample_efficiency --space 'nas_bench_macro?file=FILE.json' --flops 55.4M
    python -m benchmarks.sample_efficiency --space benchmarks/landscapes.py:Ordinal?instance={seed}

Strategies search with each of the seeds, without a store; {seed} in a space's options is replaced.
Prints the mean true accuracy of the best and its standard error, and the strategy's own time: CPU
milliseconds a candidate. With --repeat the strategies see noisy accuracies, and the best is that of
the strategy's 5 finalists, as a run would retrain them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from functools import lru_cache
from itertools import count

import joblib
import numpy as np

from evo_nas.core.plugins import registry
from evo_nas.core.streams import Streams
from evo_nas.evaluation.evaluator import Objective
from evo_nas.sampling.feasible import Feasible, feasible
from evo_nas.sampling.limits import Limit, parse_range
from evo_nas.sampling.sampler import Sampler
from evo_nas.space.space import Genome
from evo_nas.strategies.base import Scored, Strategy, rank
from evo_nas.strategies.settings import Settings

STRATEGIES = "random_search,spos,regularized,surrogate"
OBJECTIVES = (Objective("accuracy"),)
FINALISTS = 5
ANY = Limit("flops", high=2**50)


def main() -> None:
    arguments = _arguments()
    after = [int(number) for number in arguments.after.split(",")]
    print(f"{arguments.space} within {arguments.flops or 'any'} FLOPs, {arguments.seeds} seeds")
    print(f"{'after':>30}" + "".join(f"{number:>20}" for number in after) + "      ms a candidate")
    for spec in arguments.strategies.split(","):
        searches = joblib.Parallel(n_jobs=arguments.jobs, backend="multiprocessing")(
            joblib.delayed(_search)(arguments, spec, seed, after) for seed in range(arguments.seeds)
        )
        best = np.array([found for found, _ in searches])
        error = best.std(axis=0, ddof=1) / np.sqrt(len(best))
        cells = (f"{m:9.5f} +-{e:8.5f}" for m, e in zip(best.mean(axis=0), error, strict=True))
        own = np.mean([milliseconds for _, milliseconds in searches])
        print(f"{spec:>30}" + "".join(cells) + f"{own:20.2f}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--space", required=True, help="a space that knows its results")
    parser.add_argument("--flops", help="the budget; any number of FLOPs if left out")
    parser.add_argument("--strategies", default=STRATEGIES, help="separated by commas")
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--evaluations", type=int, default=200)
    parser.add_argument("--after", default="50,100,200", help="where to look at the best")
    parser.add_argument("--repeat", type=int, help="search on this repeat's noisy accuracies")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    return parser.parse_args()


def _search(
    arguments: argparse.Namespace, spec: str, seed: int, after: Sequence[int]
) -> tuple[list[float], float]:
    """The best after so many evaluations, and milliseconds of CPU a candidate."""
    legal = legal_genomes(arguments.space.replace("{seed}", str(seed)), arguments.flops)
    settings = Settings(samples=arguments.evaluations)
    scored, milliseconds = searched(legal, spec, seed, settings, arguments.repeat)
    return [_best(legal, scored[:number], arguments.repeat) for number in after], milliseconds


def searched(
    legal: Feasible, spec: str, seed: int, settings: Settings, repeat: int | None = None
) -> tuple[list[Scored], float]:
    """All that a strategy proposed, in order, and its own milliseconds of CPU a candidate."""
    strategy: Strategy = registry.load("strategy", spec)
    (stage,) = strategy.plan(legal.space, settings)
    streams, scored, seconds = Streams(seed), list[Scored](), 0.0
    began = time.process_time()
    strategy.begin(stage, Sampler(legal), settings, OBJECTIVES)
    for generation in count():
        proposals = strategy.ask(streams.generator("propose", generation))
        seconds += time.process_time() - began
        if not proposals:
            break
        told = [_scored(legal, proposal.genome, repeat) for proposal in proposals]
        scored += told
        began = time.process_time()
        strategy.tell(told)
    return scored, 1000 * seconds / len(scored)


def _scored(legal: Feasible, genome: Genome, repeat: int | None) -> Scored:
    flops = legal.space.costs(genome)["flops"]
    return Scored(genome, flops, legal.space.metrics(genome, repeat))


def _best(legal: Feasible, scored: Sequence[Scored], repeat: int | None) -> float:
    """The true accuracy of the best: of all that were scored, or of finalists by noisy scores."""
    if repeat is not None:
        scored = rank(scored, OBJECTIVES)[:FINALISTS]
    return max(legal.space.metrics(s.genome)["accuracy"] for s in scored)


@lru_cache(maxsize=1)
def legal_genomes(space: str, flops: str | None) -> Feasible:
    """What is legal; each process reads a table once."""
    return feasible(registry.load("space", space), parse_range(flops) if flops else ANY)


if __name__ == "__main__":
    main()
