"""Whether an exported network computes what the network in PyTorch does."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812  the name that PyTorch code uses
from torch import Tensor, nn

from evo_nas.core.plugins import registry
from evo_nas.data.source import DataSource
from evo_nas.errors import EvoNasError
from evo_nas.space.space import Geometry

TOLERANCE = 1e-4  # of how far outputs are apart from image to image
_ROUNDING = 256 * torch.finfo(torch.float32).eps  # of the largest output, by another order of sums
Sample = tuple[Tensor, str]  # pixels uint8 (n, channels, size, size), and where they are from
_TELLING = 10  # how many times what is allowed outputs vary, for the check to mean something


@dataclass(frozen=True, slots=True)
class Parity:
    """How far two networks agree on ``images`` pictures from ``source``, in batches of 1 and more.

    ``largest_difference`` is absolute, between logits, and ``spread`` how far a logit is apart from
    image to image, at most. ``allowed`` is what the difference may be: the tolerance times the
    spread, or what rounding explains where that is more. ``agreement`` is the share of images with
    the same first class.
    """

    images: int
    source: str
    batches: tuple[int, ...]
    largest_difference: float
    allowed: float
    agreement: float
    spread: float

    @property
    def met(self) -> bool:
        """Whether they agree; a difference that is no number is not within anything."""
        return self.largest_difference <= self.allowed

    @property
    def telling(self) -> bool:
        """Whether a network that gave the same for every image would have been noticed."""
        return self.spread >= _TELLING * self.allowed

    def __str__(self) -> str:
        doubt = f"; outputs hardly vary over these images (by {self.spread:.2g}): this says little"
        batches = " and ".join(map(str, self.batches))
        return (
            f"largest difference {self.largest_difference:.2g} (allowed {self.allowed:.2g}), "
            f"same first class {100 * self.agreement:.4g}%, on {self.images} images in batches of "
            f"{batches}: {self.source}{'' if self.telling else doubt}"
        )


@torch.no_grad()
def compare_outputs(
    network: nn.Module, exported: Callable[[Tensor], Tensor], images: Tensor, source: str,
    tolerance: float = TOLERANCE,
) -> Parity:  # fmt: skip
    """Run both on the first image alone and on the others together (at least 3 in all)."""
    parts = images[:1], images[1:]
    ours = torch.cat([network(part) for part in parts])
    theirs = torch.cat([exported(part) for part in parts])
    difference, same = math.nan, 0.0
    if ours.shape == theirs.shape:
        difference = float((ours - theirs).abs().max())
        same = float((ours.argmax(1) == theirs.argmax(1)).float().mean())
    spread = float((ours.amax(0) - ours.amin(0)).max())
    allowed = max(tolerance * spread, _ROUNDING * float(ours.abs().max()))
    return Parity(len(images), source, (1, len(images) - 1), difference, allowed, same, spread)


def sample_pixels(data: str | None, seed: int, geometry: Geometry, count: int) -> Sample:
    """Pixels to compare networks on.

    The first validation images of ``data``, as the run of that seed saw them; random ones where
    there are none or they cannot be read, with the reason.
    """
    why = ""
    if data is not None and data != "none":
        name = registry.short(data)  # what is exported is for others: no paths of this machine
        try:
            source: DataSource = registry.load("data", data)
            validation = source.load(seed).validation
            pixels = validation.take(range(min(count, len(validation)))).load().pixels
            if pixels.shape[1] == geometry.channels and len(pixels) > 2:
                return _sized(pixels, geometry.image_size), f"validation images of {name}"
            why = f" (those of {name} do not fit)"
        except EvoNasError as error:
            why = f" ({str(error).replace(data, name)})"
    shape = (count, geometry.channels, geometry.image_size, geometry.image_size)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
    return pixels, f"random pixels{why}"


def _sized(pixels: Tensor, size: int) -> Tensor:
    if pixels.shape[-1] == size:
        return pixels
    resized = F.interpolate(
        pixels.float(), (size, size), mode="bilinear", antialias=True, align_corners=False
    )
    return resized.round().clamp(0, 255).to(torch.uint8)


class Normalised(nn.Module):
    """A network that reads pixels: uint8 (batch, channels, size, size), 0 to 255."""

    scale: Tensor
    shift: Tensor

    def __init__(self, network: nn.Module, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("scale", (1 / (255 * std)).view(-1, 1, 1))
        self.register_buffer("shift", (-mean / std).view(-1, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels to logits (batch, classes)."""
        return self.network(pixels.to(torch.float32) * self.scale + self.shift)  # type: ignore[no-any-return]
