"""RandAugment image by image, against kornia's, which does the same to a whole batch.

    python -m benchmarks.augmentation        # batches of 64 pictures of 224 pixels
    python -m benchmarks.augmentation 32     # of 32 pixels

Also prints how many images a second the whole of DeiT's augmentation takes, on one thread.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from kornia.augmentation.auto import RandAugment

from evo_nas.data.images import Images
from evo_nas.data.source import search_data
from evo_nas.training.augmentation.augment import Augmenter
from evo_nas.training.augmentation.randaugment import randaugment
from evo_nas.training.batches import Batches
from evo_nas.training.recipe import load_recipe

from .timing import medians, report

BATCH = 64
REPEATS = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("size", nargs="?", type=int, default=224, help="pixels of a side")
    size: int = parser.parse_args().size
    torch.set_num_threads(1)
    pixels = torch.randint(0, 256, (BATCH, 3, size, size)).to(torch.uint8)
    images = Images(pixels, torch.arange(BATCH) % 2)
    batches = Batches(images, search_data("noise", images, images, "ab", range(BATCH)), size)
    pictures, fill = pixels / 255, torch.full((3, 1, 1), 0.5)
    augment = Augmenter(load_recipe("deit").train.augmentation, batches)
    theirs, stream = RandAugment(n=2, m=27), np.random.default_rng(0)

    ours, kornia = medians(
        lambda: randaugment(pictures.clone(), fill, 2, 27, 1.5, stream),
        lambda: theirs(pictures),
        REPEATS,
    )
    report("kornia, one draw a batch", kornia, "one draw an image", ours)
    whole, _ = medians(lambda: augment(*next(batches.in_order(BATCH)), stream), int, REPEATS)
    print(f"all of DeiT's augmentation: {BATCH / whole:,.0f} images/s")


if __name__ == "__main__":
    main()
