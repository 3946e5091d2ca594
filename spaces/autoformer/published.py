"""The networks that AutoFormer's authors published (Chen et al., ICCV 2021; microsoft/Cream)."""

from __future__ import annotations

from evo_nas.space.architecture import Architecture
from evo_nas.space.space import Option

from .spaces import AutoFormer, AutoFormerBase, AutoFormerSmall, AutoFormerTiny

# The width, each layer's heads, and each layer's MLP ratio.
_TINY = (
    192,
    (3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 3, 3),
    (3.5, 3.5, 3, 3.5, 3, 3, 4, 4, 3.5, 4, 3.5, 4, 3.5),
)
_SMALL = (
    384,
    (6, 6, 5, 7, 5, 5, 5, 6, 6, 7, 7, 6, 7),
    (3, 3.5, 3, 3.5, 4, 4, 4, 4, 4, 4, 4, 3.5, 4),
)
_BASE = (
    576,
    (9, 9, 9, 9, 9, 10, 9, 9, 10, 9, 10, 9, 9, 10),
    (3.5, 3.5, 4, 3.5, 4, 3.5, 3.5, 3, 4, 4, 3, 4, 3, 3.5),
)


def autoformer_t() -> Architecture:
    """AutoFormer-T: 5.87M parameters."""
    return _architecture("AutoFormer-T", AutoFormerTiny(), _TINY)


def autoformer_s() -> Architecture:
    """AutoFormer-S: 22.89M parameters."""
    return _architecture("AutoFormer-S", AutoFormerSmall(), _SMALL)


def autoformer_b() -> Architecture:
    """AutoFormer-B: 53.69M parameters."""
    return _architecture("AutoFormer-B", AutoFormerBase(), _BASE)


def _architecture(
    name: str,
    space: AutoFormer,
    network: tuple[int, tuple[int, ...], tuple[float, ...]],
) -> Architecture:
    width, heads, ratios = network
    options: dict[str, Option] = {"width": width, "depth": len(heads)}
    for number, (own, ratio) in enumerate(zip(heads, ratios, strict=True)):
        options[f"layer{number:02}.heads"] = own
        options[f"layer{number:02}.mlp_ratio"] = ratio
    return Architecture(name, space.name, space.encode(options))
