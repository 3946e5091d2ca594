"""What does an additive model make of noisy scores, where all results are known?

    python -m benchmarks.additive_model --file nas-bench-macro_cifar10.json

Random networks of NAS-Bench-Macro within a budget are scored with noise, so many of them, and
finalists are chosen by these scores, by an additive model of them, and by it with its optimum.
Prints means over seeds: Kendall's tau of the scores and of the model with the truth, what the
model's tau on unseen scores is told to be, and the true accuracy of the best of the finalists.
"""

from __future__ import annotations

import argparse
from itertools import product

import numpy as np
from scipy.stats import kendalltau

from evo_nas.core.plugins import registry
from evo_nas.evaluation.additive_model import AdditiveModel
from evo_nas.evaluation.evaluator import Objective
from evo_nas.sampling.feasible import Feasible, feasible
from evo_nas.sampling.limits import parse_range
from evo_nas.sampling.sampler import Sampler
from evo_nas.strategies.additive import AdditiveFinalists
from evo_nas.strategies.base import Scored, rank

SCORED, NOISES = (100, 300, 1000), (0.01, 0.02, 0.04)
OBJECTIVES = (Objective("accuracy"),)
COLUMNS = (
    "scored",
    "noise",
    "tau, scores",
    "tau, model",
    "unseen",
    "by scores",
    "by model",
    "+optimum",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--file", required=True, help="the published table, a JSON file")
    parser.add_argument("--flops", default="55.4M", help="the budget")
    parser.add_argument("--finalists", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=10)
    arguments = parser.parse_args()
    space = registry.load("space", f"nas_bench_macro?file={arguments.file}")
    legal = feasible(space, parse_range(arguments.flops))
    best = max(space.metrics(genome)["accuracy"] for genome in legal.enumerate() or ())
    print(f"{arguments.finalists} finalists, {arguments.seeds} seeds; the best has {best:.4f}")
    print("".join(f"{column:>13}" for column in COLUMNS))
    for noise, scored in product(NOISES, SCORED):
        found = [
            _once(legal, scored, noise, arguments.finalists, s) for s in range(arguments.seeds)
        ]
        told = "".join(f"{value:13.4f}" for value in np.mean(found, axis=0))
        print(f"{scored:13,}{noise:13.2f}{told}", flush=True)


def _once(legal: Feasible, number: int, noise: float, count: int, seed: int) -> list[float]:
    """What one search found."""
    sampler, rng = Sampler(legal), np.random.default_rng([seed, number])
    genomes = [sampler.fresh(rng)[0] for _ in range(number)]
    truth = {g: legal.space.metrics(g)["accuracy"] for g in legal.enumerate() or ()}
    scores = np.array([truth[g] for g in genomes]) + noise * rng.standard_normal(number)
    model = AdditiveModel(legal.space, genomes, scores)
    true = [truth[genome] for genome in genomes]
    taus = [kendalltau(each, true).statistic for each in (scores, [*map(model.worth, genomes)])]
    scored = [Scored(g, 0, {"accuracy": s}) for g, s in zip(genomes, scores.tolist(), strict=True)]
    chooser = AdditiveFinalists(sampler, OBJECTIVES)
    chooser.tell(scored)
    by_score = rank(scored, OBJECTIVES)[:count]
    finalists = (
        [one.genome for one in by_score],
        sorted(genomes, key=model.worth, reverse=True)[:count],
        [one.genome for one in chooser.choose(by_score, count)],
    )
    return [*taus, model.tau or 0.0, *(max(truth[g] for g in each) for each in finalists)]


if __name__ == "__main__":
    main()
