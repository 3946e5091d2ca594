"""Published networks: to check figures, to compare with, to start from.

GLiT-Tiny is the authors' released network (Chen et al., ICCV 2021, Figure 5; repository
bychen515/GLiT). DeiT (Touvron et al., ICML 2021) is GLiT with global heads only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evo_nas.space.architecture import Architecture
from evo_nas.space.space import Option

from .glit.spaces import Glit, GlitBase, GlitFixed, GlitSmall, GlitTiny

# Each block's G; d_k as a ratio to the width, d_z, E and K where the block has them.
_GLIT_TINY: tuple[Mapping[str, Option], ...] = (
    {"heads": 3, "d_k": 0.5, "d_z": 4},
    {"heads": 0, "d_z": 4, "expansion": 2, "kernel": 31},
    {"heads": 1, "d_k": 1, "d_z": 6, "expansion": 4, "kernel": 31},
    {"heads": 3, "d_k": 1, "d_z": 4},
    {"heads": 0, "d_z": 4, "expansion": 4, "kernel": 45},
    {"heads": 1, "d_k": 1, "d_z": 6, "expansion": 4, "kernel": 31},
    {"heads": 3, "d_k": 1, "d_z": 2},
    {"heads": 1, "d_k": 1, "d_z": 2, "expansion": 4, "kernel": 31},
    {"heads": 0, "d_z": 4, "expansion": 4, "kernel": 45},
    {"heads": 3, "d_k": 1, "d_z": 4},
    {"heads": 0, "d_z": 4, "expansion": 4, "kernel": 31},
    {"heads": 3, "d_k": 2, "d_z": 6},
)
_DEIT: tuple[Mapping[str, Option], ...] = ({"heads": 3, "d_k": 1, "d_z": 4},) * 12


def glit_tiny() -> Architecture:
    """GLiT-Tiny as its authors released it: 7.26M parameters, 1.479G multiply-accumulates."""
    return _architecture("GLiT-Tiny", GlitTiny(), _GLIT_TINY)


def deit_tiny() -> Architecture:
    """DeiT-Tiny: 5.72M parameters, 1.258G multiply-accumulates."""
    return _architecture("DeiT-Tiny", GlitTiny(), _DEIT)


def deit_small() -> Architecture:
    """DeiT-Small: 22.05M parameters, 4.608G multiply-accumulates."""
    return _architecture("DeiT-Small", GlitSmall(), _DEIT)


def deit_base() -> Architecture:
    """DeiT-Base: 86.57M parameters, 17.583G multiply-accumulates."""
    return _architecture("DeiT-Base", GlitBase(), _DEIT)


def vit_base() -> Architecture:
    """ViT-Base: the network of DeiT-Base; it differs in its training."""
    return _architecture("ViT-Base", GlitBase(), _DEIT)


def glit_fixed_g3() -> Architecture:
    """Table 1, three global heads in every block, which is DeiT-Tiny: 5.72M parameters, 1.258G."""
    return _fixed(3)


def glit_fixed_g2() -> Architecture:
    """Table 1, two global heads and one local in every block: 4.91M parameters, 1.039G."""
    return _fixed(2)


def glit_fixed_g1() -> Architecture:
    """Table 1, one global head and two local in every block: 4.79M parameters, 0.956G."""
    return _fixed(1)


def glit_fixed_g0() -> Architecture:
    """Table 1, three local heads in every block: 5.35M parameters, 1.007G."""
    return _fixed(0)


def resnet18() -> Architecture:
    """ResNet-18 (He et al., CVPR 2016), of timm."""
    return _timm("ResNet-18", "resnet18")


def resnet50() -> Architecture:
    """ResNet-50 (He et al., CVPR 2016), of timm."""
    return _timm("ResNet-50", "resnet50")


def resnext50() -> Architecture:
    """ResNeXt-50-32x4d (Xie et al., CVPR 2017), of timm."""
    return _timm("ResNeXt-50-32x4d", "resnext50_32x4d")


def resnext101() -> Architecture:
    """ResNeXt-101-64x4d (Xie et al., CVPR 2017), of timm."""
    return _timm("ResNeXt-101-64x4d", "resnext101_64x4d")


def _fixed(heads: int) -> Architecture:
    return Architecture(f"GLiT-fixed-G{heads}", GlitFixed.name, (heads,))


def _timm(name: str, model: str) -> Architecture:
    return Architecture(name, f"timm?model={model}", ())


def _architecture(name: str, space: Glit, blocks: Sequence[Mapping[str, Option]]) -> Architecture:
    options = {
        f"{slot}.{field}": value
        for slot, block in zip(space.slots, blocks, strict=True)
        for field, value in block.items()
    }
    return Architecture(name, space.name, space.encode(options))
