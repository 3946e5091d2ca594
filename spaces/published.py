"""Published networks that are genomes of the spaces here: to check figures, to start from.

GLiT-Tiny is the authors' released network (Chen et al., ICCV 2021, Figure 5; repository
bychen515/GLiT). DeiT (Touvron et al., ICML 2021) is GLiT with global heads only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evo_nas.architecture import Architecture
from evo_nas.space import Option

from .glit import Glit, GlitBase, GlitSmall, GlitTiny
from .glit_ablations import GlitFixed

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
    """7.26M parameters, 1.479G multiply-accumulates; 76.3% on ImageNet in the paper."""
    return _architecture("GLiT-Tiny", GlitTiny(), _GLIT_TINY)


def glit_fixed_g3() -> Architecture:
    """Table 1, three global heads in every block: DeiT-Tiny."""
    return Architecture("GLiT-fixed-G3", GlitFixed.name, (3,))


def glit_fixed_g2() -> Architecture:
    """Table 1, two global heads and one local in every block: 4.91M parameters, 1.039G."""
    return Architecture("GLiT-fixed-G2", GlitFixed.name, (2,))


def glit_fixed_g1() -> Architecture:
    """Table 1, one global head and two local in every block: 4.79M parameters, 0.956G."""
    return Architecture("GLiT-fixed-G1", GlitFixed.name, (1,))


def glit_fixed_g0() -> Architecture:
    """Table 1, three local heads in every block: 5.35M parameters, 1.007G."""
    return Architecture("GLiT-fixed-G0", GlitFixed.name, (0,))


def deit_tiny() -> Architecture:
    """5.72M parameters, 1.258G multiply-accumulates."""
    return _architecture("DeiT-Tiny", GlitTiny(), _DEIT)


def deit_small() -> Architecture:
    """22.05M parameters, 4.608G multiply-accumulates."""
    return _architecture("DeiT-Small", GlitSmall(), _DEIT)


def deit_base() -> Architecture:
    """86.57M parameters, 17.583G multiply-accumulates."""
    return _architecture("DeiT-Base", GlitBase(), _DEIT)


def vit_base() -> Architecture:
    """The network of DeiT-Base; ViT-Base (Dosovitskiy et al. 2021) differs in its training."""
    return _architecture("ViT-Base", GlitBase(), _DEIT)


def _architecture(name: str, space: Glit, blocks: Sequence[Mapping[str, Option]]) -> Architecture:
    options = {
        f"{slot}.{field}": value
        for slot, block in zip(space.slots, blocks, strict=True)
        for field, value in block.items()
    }
    return Architecture(name, space.name, space.encode(options))
