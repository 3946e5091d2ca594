"""From a geometry to the places of a mobile network's blocks: channels, strides, sizes."""

from __future__ import annotations

from torch import nn

from evo_nas.errors import SpaceError
from evo_nas.space.space import Geometry

from .blocks import Head, Place, Stem

DEEPEST = 4  # blocks in a stage
_SMALLEST_MAP = 4  # pixels a side, after the last stage
_STEM = 16  # channels at the target; the geometry's width stands for them
_CHANNELS = (24, 40, 80, 112, 160)  # of each stage
_HEAD = (960, 1280)
_ACTIVATIONS = (nn.ReLU, nn.ReLU, nn.Hardswish, nn.Hardswish, nn.Hardswish)
_SQUEEZE = (False, True, False, True, True)
_REDUCING = (True, True, True, True, False, True)  # stem and stages: which halve the image

STAGES = len(_CHANNELS)


class Layout:
    """A network's numbers at one geometry.

    Large images are halved five times. Small ones fewer times, in the last of these places, so that
    the last map is at least four pixels a side.
    """

    def __init__(self, geometry: Geometry) -> None:
        if min(geometry.channels, geometry.classes, geometry.image_size) < 1:
            raise SpaceError(f"geometry {geometry}: every number must be positive")
        if geometry.width < 2 or geometry.width % 2:
            raise SpaceError(
                f"geometry {geometry}: the width, of the first feature map, is {geometry.width}; "
                "all other channels follow it, so it must be a multiple of 2"
            )
        if geometry.patch_size != 1 or geometry.heads != 1:
            raise SpaceError(
                f"geometry {geometry}: a mobile network has no patches and no heads; leave both out"
            )
        self.geometry = geometry
        self.strides = _strides(geometry.image_size)
        self.channels = [self._channels(_STEM), *map(self._channels, _CHANNELS)]

    def _channels(self, at_target: int) -> int:
        return at_target * self.geometry.width // _STEM

    def place(self, stage: int, position: int) -> Place:
        """A block's place; the first block of a stage changes channels and size."""
        first = position == 0
        return Place(
            inputs=self.channels[stage if first else stage + 1],
            outputs=self.channels[stage + 1],
            stride=self.strides[stage + 1] if first else 1,
            activation=_ACTIVATIONS[stage],
            squeeze=_SQUEEZE[stage],
        )

    def size(self, stage: int) -> int:
        """The pixels a side that a stage reads, or the head after the last stage."""
        size = self.geometry.image_size
        for stride in self.strides[: stage + 1]:
            size = -(-size // stride)
        return size

    def stem(self) -> Stem:
        """The numbers of the stem."""
        return Stem(self.geometry.channels, self.channels[0], self.strides[0])

    def head(self) -> Head:
        """The numbers of the head."""
        inside, features = map(self._channels, _HEAD)
        return Head(self.channels[-1], inside, features, self.geometry.classes)


def _strides(image_size: int) -> list[int]:
    """The strides of the stem and of each stage."""
    halvings = max((image_size // _SMALLEST_MAP).bit_length() - 1, 0)
    strides = []
    for reducing in reversed(_REDUCING):
        strides.append(2 if reducing and halvings > 0 else 1)
        halvings -= reducing
    return strides[::-1]
