"""A generation evaluated together against one candidate at a time, with the same threads.

    python -m benchmarks.generation_together [THREADS]

Two generations of stage 1 on the digits' proxy: 50 random genomes, and 50 that are related as late
in a search. "from sharing" is the ratio of images through steps, counted and not timed; the rest of
the ratio is what a single walk saves besides (calls, calibration batches prepared once).
"""

from __future__ import annotations

import argparse
from functools import partial

import numpy as np
import torch

from evo_nas.core.plugins import registry
from evo_nas.data.images import prepare
from evo_nas.evaluation.paths import score
from evo_nas.sampling.distribution import mutation, prior
from evo_nas.space.space import Genome

from .timing import medians, report

CANDIDATES = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("threads", nargs="?", type=int, default=1)
    threads: int = parser.parse_args().threads
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    data = registry.load("data", "digits").load(0)
    stage = registry.load("space", "glit_hl").stage(0)
    geometry = stage.proxy(8, 1, len(data.classes))
    supernet = stage.supernet(geometry)
    ready = partial(prepare, mean=data.mean, std=data.std, size=geometry.image_size)
    calibration = data.train.load().pixels[:128]

    rng = np.random.default_rng(0)
    random = [prior(stage).draw(stage, rng) for _ in range(CANDIDATES)]
    parents = [mutation(stage, random[0], 0.1).draw(stage, rng) for _ in range(10)]
    late = [mutation(stage, parents[i % 10], 0.1).draw(stage, rng) for i in range(CANDIDATES)]

    def evaluate(genomes: list[Genome]) -> None:
        score(supernet, genomes, data.validation.load(), calibration, ready)

    def sharing(genomes: list[Genome]) -> float:
        """Images through steps one candidate at a time, over those of all together."""
        alone, together = 0, set[tuple[object, ...]]()
        for steps in map(supernet.steps, genomes):
            last = max((i for i, step in enumerate(steps, 1) if step.batch_norms), default=0)
            prefixes = [tuple(step.key for step in steps[:i]) for i in range(1, len(steps) + 1)]
            alone += len(steps) * len(data.validation) + last * len(calibration)
            together |= {("validation", prefix) for prefix in prefixes}
            together |= {("calibration", prefix) for prefix in prefixes[:last]}
        images = {"validation": len(data.validation), "calibration": len(calibration)}
        return alone / sum(images[str(phase)] for phase, _ in together)

    for name, generation in (("random", random), ("late", late)):
        genomes = [stage.lift(genome) for genome in generation]
        print(f"{name} generation of {CANDIDATES}, {threads} threads, "
              f"{len(data.validation)} validation images")  # fmt: skip
        alone, together = medians(
            lambda g=genomes: [evaluate([genome]) for genome in g],  # type: ignore[misc]
            lambda g=genomes: evaluate(g),  # type: ignore[misc]
            repeats=3,
        )
        report("one at a time", alone, "together", together)
        shared = sharing(genomes)
        print(
            f"of which from sharing: {shared:.2f}, from the rest: {alone / together / shared:.2f}"
        )


if __name__ == "__main__":
    main()
