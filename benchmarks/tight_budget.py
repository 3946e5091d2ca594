"""Legal genomes a second at a tight budget, against rejection sampling from the same prior.

python -m benchmarks.tight_budget [0.8G]
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from evo_nas.core.plugins import registry
from evo_nas.sampling.feasible import feasible
from evo_nas.sampling.limits import Limit, parse_range
from evo_nas.sampling.sampler import Sampler

from .timing import report

REJECTION_SECONDS = 60.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("flops", nargs="?", type=parse_range, default="0.8G")
    budget: Limit = parser.parse_args().flops
    space = registry.load("space", "glit_hl")
    space.costs((0,) * len(space.choices))
    began = time.perf_counter()
    legal = feasible(space, budget)
    prepared = time.perf_counter() - began
    print(f"{legal.share:.3g} of the prior is within {budget}; the table took {prepared:.2f} s")
    sampler, rng = Sampler(legal), np.random.default_rng(0)

    began = time.perf_counter()
    drawn = [sampler.draw(legal.prior, rng) for _ in range(2000)]
    conditioned = (time.perf_counter() - began) / len(drawn)
    assert all(space.costs(genome)["flops"] in budget for genome in drawn)

    began, found, tried = time.perf_counter(), 0, 0
    while time.perf_counter() - began < REJECTION_SECONDS:
        found += legal.legal(legal.prior.draw(space, rng))
        tried += 1
    took = time.perf_counter() - began
    if not found:
        assert legal.share is not None
        print(f"rejection found none in {tried:,} draws; its expected time is used")
    expected = took / found if found else took / tried / (legal.share or 1)
    print(f"rejection: {found} of {tried:,} draws in {took:.0f} s")
    report("a legal genome by rejection", expected, "a conditioned draw", conditioned)


if __name__ == "__main__":
    main()
