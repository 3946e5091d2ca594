"""The modules of mobile networks: inverted residuals with squeeze-and-excitation (MobileNetV3).

Howard et al., ICCV 2019; what is chosen of each block is that of Cai et al., ICLR 2020
("Once-for-All"). Feature maps are float (batch, channels, height, width).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812  the name that PyTorch code uses
from torch import Tensor, nn

from evo_nas.space.network import StochasticDepth

from ..trunk import BlockNetwork, Unit


class Place(NamedTuple):
    """A block's place in the network: what it reads and writes, whatever its options."""

    inputs: int
    outputs: int
    stride: int
    activation: type[nn.Module]
    squeeze: bool


class Options(NamedTuple):
    """The options of a block."""

    kernel: int
    expansion: int


class ConvNorm(nn.Sequential):
    """A convolution without bias and its BatchNorm, the image's size kept but for the stride."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        convolution = nn.Conv2d(
            inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False
        )
        if not convolution.weight.is_meta:  # there, drawing nothing loads half of PyTorch
            nn.init.kaiming_normal_(convolution.weight, mode="fan_out")
        super().__init__(convolution, nn.BatchNorm2d(outputs))


class SqueezeExcitation(nn.Module):
    """Channels weighed by their means over the image (Hu et al., CVPR 2018), a quarter inside."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, max(channels // 4, 1), 1)
        self.expand = nn.Conv2d(max(channels // 4, 1), channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        pooled = F.adaptive_avg_pool2d(features, 1)
        return features * F.hardsigmoid(self.expand(F.relu(self.reduce(pooled))))


class InvertedResidual(nn.Module):
    """Widen, convolve each channel, narrow; added to the input where the shape is kept."""

    def __init__(self, place: Place, options: Options) -> None:
        super().__init__()
        self.outputs = place.outputs
        inside = place.inputs * options.expansion
        activation = place.activation
        widen = [ConvNorm(place.inputs, inside, 1), activation()] if options.expansion > 1 else []
        self.layers = nn.Sequential(
            *widen,
            ConvNorm(inside, inside, options.kernel, place.stride, groups=inside),
            activation(),
            *([SqueezeExcitation(inside)] if place.squeeze else []),
            ConvNorm(inside, place.outputs, 1),
        )
        kept = place.stride == 1 and place.inputs == place.outputs
        self.drop = StochasticDepth() if kept else None

    def forward(self, features: Tensor) -> Tensor:
        found: Tensor = self.layers(features)
        return found if self.drop is None else features + self.drop(found)


class Stem(nn.Module):
    """Images to the features that the first stage reads: a convolution and a block, not chosen."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.convolution = ConvNorm(channels, width, 3, stride)
        self.block = InvertedResidual(Place(width, width, 1, nn.ReLU, False), Options(3, 1))

    def forward(self, images: Tensor) -> Tensor:
        features = self.convolution(images)
        # In this order of memory a CPU trains the network 1.6 times as fast.
        ordered = features.contiguous(memory_format=torch.channels_last)
        return self.block(F.hardswish(ordered))  # type: ignore[no-any-return]


class Head(nn.Module):
    """Features to logits (batch, classes)."""

    def __init__(self, inputs: int, inside: int, features: int, classes: int) -> None:
        super().__init__()
        self.widen = ConvNorm(inputs, inside, 1)
        self.features = nn.Linear(inside, features)
        self.classify = nn.Linear(features, classes)
        for layer in (self.features, self.classify):
            if not layer.weight.is_meta:
                nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)

    def pool(self, features: Tensor) -> Tensor:
        """Mean over the image after widening, and a linear layer."""
        pooled = F.hardswish(self.widen(features)).mean((2, 3))
        return F.hardswish(self.features(pooled))

    def forward(self, features: Tensor) -> Tensor:
        return self.classify(self.pool(features))  # type: ignore[no-any-return]


class MobileNetwork(BlockNetwork, nn.Sequential):
    """A stand-alone network: stem, blocks, and a head that reads ``inputs`` channels."""

    def __init__(
        self, stem: Stem, blocks: Sequence[InvertedResidual], head: Head, inputs: int
    ) -> None:
        super().__init__(stem, *blocks, head)
        self.classifier = f"{len(blocks) + 1}.classify"
        self.num_features = inputs
        self._inside = head.features.out_features

    @property
    def head_hidden_size(self) -> int:
        return self._inside

    def begin(self, images: Tensor) -> Tensor:
        return self[0](images)  # type: ignore[no-any-return]

    def trunk(self) -> list[Unit]:
        found, (stem, *blocks, _) = [], self
        reduction = _stride(stem)
        for block in blocks:
            reduction *= _stride(block)
            found.append(Unit((block,), block.outputs, reduction))  # type: ignore[arg-type]
        return found

    def pool(self, features: Tensor) -> Tensor:
        return self[-1].pool(features)  # type: ignore[no-any-return, operator]


def _stride(module: nn.Module) -> int:
    """How much smaller the features become in a stem or a block, a side."""
    return max(each.stride[0] for each in module.modules() if isinstance(each, nn.Conv2d))
