"""GLiT: global-local blocks on vision transformers, as a search space.

Each of 12 blocks splits its heads, in thirds, between attention (G) and convolution (L = 3 - G);
that is decided at level 0, the block's details at level 1. Budgets are counted at 224 pixels, 197
tokens and 1000 classes.

Two variants replace the convolution over tokens by something else (Table 6).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evo_nas.errors import SpaceError
from evo_nas.space.space import Choice, Genome, Geometry, Option

from .family import DEPTH, GlitFamily, block_choices, block_options
from .local_heads import Locality, PatchConvolution, Windows
from .parts import BlockOptions


class Glit(GlitFamily):
    """Searched by levels; a subclass says at which target, and with what local heads.

    Args:
        d_k: the width of queries and keys while level 0 is searched; 1 is the network's width.
        d_z: the width inside the FFN while level 0 is searched.
        expansion: E, by which convolution heads widen, while level 0 is searched.
        kernel: how far local heads reach while level 0 is searched; by default the middle option.
    """

    def __init__(
        self, *, d_k: float = 1, d_z: int = 4, expansion: int = 2, kernel: int | None = None
    ) -> None:
        reach = self.locality.options[1] if kernel is None else kernel
        details = {"d_k": d_k, "d_z": d_z, "expansion": expansion, self.locality.choice: reach}
        options = block_options(self.locality)
        for name, value in details.items():
            if value not in options[name]:
                raise SpaceError(
                    f"{self.name}: {name} cannot be {value!r}; "
                    f"its options are {', '.join(map(str, options[name]))}"
                )
        slots = [f"block{number:02}" for number in range(DEPTH)]
        self.choices = tuple(choice for slot in slots for choice in block_choices(slot, options))
        # The paper does not say what it took for level 1 while level 0 is searched.
        self._details = {c.name: details.get(c.name.partition(".")[2], 0) for c in self.choices}

    def details(self) -> Mapping[str, Option]:
        return self._details

    def fixed_at(self, level: int, decided: Genome | None) -> dict[str, Option]:
        """As the paper narrows level 1: (K, E), (d_k, z) or (E, z) free, nine options a block."""
        fixed = super().fixed_at(level, decided)
        if level != 1:
            return fixed
        for slot in self.slots:
            heads = fixed[f"{slot}.heads"]
            if heads == 0:
                fixed[f"{slot}.d_z"] = 4
            elif heads != 3:
                fixed[f"{slot}.d_k"] = 1
                fixed[f"{slot}.{self.locality.choice}"] = self.locality.options[1]
        return fixed


class GlitTiny(Glit):
    """Global and local heads, two levels, 12 blocks (GLiT-Tiny: 192 wide, 3 heads).

    Source: Chen et al. 2021, "GLiT", section 3.2, Table 2.
    """

    name = "glit_hl"


class GlitSmall(Glit):
    """The same at GLiT-Small: 384 wide, 6 heads.

    Source: Chen et al. 2021, "GLiT", section 3.2, Table 2.
    """

    name = "glit_hl_small"
    target = Geometry(224, 3, 1000, patch_size=16, width=384, heads=6)


class GlitBase(Glit):
    """The same at GLiT-Base: 768 wide, 12 heads.

    Source: Chen et al. 2021, "GLiT", section 3.2, Table 2.
    """

    name = "glit_hl_base"
    target = Geometry(224, 3, 1000, patch_size=16, width=768, heads=12)


class GlitLocalAttention(Glit):
    """Local heads are attention in windows of 14, 28 or 49 patches.

    Source: Chen et al. 2021, "GLiT", Table 6, "Local-area".

    Args:
        window: the patches of a window while level 0 is searched; by default the middle option.
    """

    name = "glit_local_attention"
    locality: Locality = Windows()

    def __init__(
        self, *, d_k: float = 1, d_z: int = 4, expansion: int = 2, window: int | None = None
    ) -> None:
        super().__init__(d_k=d_k, d_z=d_z, expansion=expansion, kernel=window)


class GlitConv2d(Glit):
    """Local heads are 3x3, 5x5 or 7x7 convolutions; no class token.

    Source: Chen et al. 2021, "GLiT", Table 6, "Conv2d".
    """

    name = "glit_conv2d"
    locality: Locality = PatchConvolution()


class NlpNas(GlitFamily):
    """Global heads only: widths of queries, keys, values and of the FFN, by block.

    The paper calls it the search space of NLP-NAS (Tsai et al. 2020) and gives no options; these
    are GLiT's own for the same things. DeiT-Tiny is one of its networks. There is one level.

    Source: Chen et al. 2021, "GLiT", section 4.2, Table 4.
    """

    name = "nlp_nas"
    choices = tuple(
        Choice(f"block{number:02}.{field}", options, slot=f"block{number:02}")
        for number in range(DEPTH)
        for field, options in (("d_k", (0.5, 1, 2)), ("d_z", (2, 4, 6)))
    )


class GlitFixed(GlitFamily):
    """The four networks of Table 1: the same number of global heads in every block.

    Only that number is chosen. The paper does not say what E and K are; with E = 1, as here, the
    local heads of such a network have about as many FLOPs as the attention that they replace.

    Source: Chen et al. 2021, "GLiT", Table 1.
    """

    name = "glit_fixed"
    choices = (Choice("heads", (0, 1, 2, 3), slot="blocks"),)

    def slot_blocks(self, slot: str, options: Mapping[str, Any]) -> tuple[BlockOptions, ...]:
        heads = options["heads"]
        expansion, kernel = (1, 31) if heads < 3 else (0, 0)
        return (BlockOptions(heads, 1 if heads else 0, 4, expansion, kernel),) * DEPTH
