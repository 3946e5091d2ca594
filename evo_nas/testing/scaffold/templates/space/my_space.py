"""A search space of convolutions: residual blocks, each of its own kernel size and expansion."""

from torch import nn

from evo_nas.space import Choice, CountedSpace, Geometry

SIZES = {"kernel": (3, 5, 7), "expansion": (1, 2, 4)}  # of each block


class Block(nn.Sequential):
    def __init__(self, width, kernel, expansion):
        mix = nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=width)
        wide = expansion * width
        widen, narrow = nn.Conv2d(width, wide, 1), nn.Conv2d(wide, width, 1)
        super().__init__(mix, nn.BatchNorm2d(width), widen, nn.GELU(), narrow)

    def forward(self, features):
        return features + super().forward(features)


class MySpace(CountedSpace):  # what blocks cost is counted on networks
    name = "my_space"
    target = Geometry(image_size=32, channels=3, classes=10, width=64)  # where FLOPs are counted
    blocks = ("block1", "block2", "block3", "block4")
    choices = tuple(Choice(f"{b}.{size}", SIZES[size], slot=b) for b in blocks for size in SIZES)

    def build(self, genome, geometry):
        options = self.options(genome)  # by the names of choices
        sizes = [[options[f"{block}.{size}"] for size in SIZES] for block in self.blocks]
        stem = nn.Conv2d(geometry.channels, geometry.width, kernel_size=2, stride=2)
        head = nn.Linear(geometry.width, geometry.classes)
        blocks = [Block(geometry.width, *each) for each in sizes]
        return nn.Sequential(stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)

    def proxy(self, image_size, channels, classes):  # where candidates are trained
        return Geometry(image_size, channels, classes, width=16)
