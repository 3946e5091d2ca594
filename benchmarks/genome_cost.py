"""What a genome's cost takes from the table, against fvcore on the built network.

python -m benchmarks.genome_cost
"""

from __future__ import annotations

import argparse

import numpy as np
import torch

from evo_nas.core.plugins import registry
from evo_nas.sampling.distribution import prior
from evo_nas.space.costs.flops import count

from .timing import medians, report

GENOMES = 1000


def main() -> None:
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    torch.set_num_threads(1)
    space = registry.load("space", "glit_hl")
    rng = np.random.default_rng(0)
    genomes = [prior(space).draw(space, rng) for _ in range(GENOMES)]
    target = space.target
    images = torch.zeros(1, target.channels, target.image_size, target.image_size)
    space.costs(genomes[0])  # the parts are counted once, and kept on disk
    built = iter(genomes)

    def by_fvcore() -> None:
        genome = next(built)
        counted = count(space.build(genome, target), images)
        assert counted == space.costs(genome), "the table disagrees with fvcore"

    def by_table() -> None:
        for genome in genomes:
            space.costs(genome)

    slow, fast = medians(by_fvcore, by_table, repeats=9)
    report("built, and counted by fvcore", slow, "from the table", fast / GENOMES)


if __name__ == "__main__":
    main()
