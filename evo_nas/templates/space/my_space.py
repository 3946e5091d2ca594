"""A search space of convolutions: residual blocks, each of its own kernel size and expansion."""

from itertools import product

from torch import nn, zeros

from evo_nas.costcache import count
from evo_nas.space import Choice, Geometry, Space

BLOCKS, KERNELS, EXPANSIONS = ("block1", "block2", "block3", "block4"), (3, 5, 7), (1, 2, 4)


class Block(nn.Sequential):
    def __init__(self, width, kernel, expansion):
        mix = nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=width)
        wide = expansion * width
        widen, narrow = nn.Conv2d(width, wide, 1), nn.Conv2d(wide, width, 1)
        super().__init__(mix, nn.BatchNorm2d(width), widen, nn.GELU(), narrow)

    def forward(self, features):
        return features + super().forward(features)


class MySpace(Space):
    name = "my_space"
    target = Geometry(image_size=32, channels=3, classes=10, width=64)  # where FLOPs are counted

    def __init__(self):
        sizes = {"kernel": KERNELS, "expansion": EXPANSIONS}
        self.choices = tuple(Choice(f"{b}.{s}", sizes[s], slot=b) for b in BLOCKS for s in sizes)
        self.block_costs = {  # of each value: the indices of a kernel and an expansion
            (k, e): count(Block(64, KERNELS[k], EXPANSIONS[e]), zeros(1, 64, 16, 16))
            for k, e in product(range(len(KERNELS)), range(len(EXPANSIONS)))
        }
        self.other_costs = count(self.network([], self.target), zeros(1, 3, 32, 32))

    def slot_costs(self, slot, context):
        return self.block_costs

    def fixed_costs(self, context):
        return self.other_costs

    def build(self, genome, geometry):
        pairs = zip(genome[::2], genome[1::2], strict=True)
        blocks = [Block(geometry.width, KERNELS[k], EXPANSIONS[e]) for k, e in pairs]
        return self.network(blocks, geometry)

    def network(self, blocks, geometry):
        stem = nn.Conv2d(geometry.channels, geometry.width, kernel_size=2, stride=2)
        head = nn.Linear(geometry.width, geometry.classes)
        return nn.Sequential(stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)

    def proxy(self, image_size, channels, classes):  # where candidates are trained
        return Geometry(image_size, channels, classes, width=16)
