"""Spaces that the paper compares GLiT's with: less is searched, of the same networks."""

from __future__ import annotations

from collections.abc import Mapping

from evo_nas.space.space import Choice, Option

from .family import DEPTH, GlitFamily
from .parts import BlockOptions


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

    def slot_blocks(self, slot: str, options: Mapping[str, Option]) -> tuple[BlockOptions, ...]:
        """One block for each slot."""
        d_k, d_z = options[f"{slot}.d_k"], options[f"{slot}.d_z"]
        return (BlockOptions(3, d_k, d_z, None, None),)  # type: ignore[arg-type]  # numbers


class GlitFixed(GlitFamily):
    """The four networks of Table 1: the same number of global heads in every block.

    Only that number is chosen. The paper does not say what E and K are; with E = 1, as here, the
    local heads of such a network have about as many FLOPs as the attention that they replace.

    Source: Chen et al. 2021, "GLiT", Table 1.
    """

    name = "glit_fixed"
    choices = (Choice("heads", (0, 1, 2, 3), slot="blocks"),)

    def slot_blocks(self, slot: str, options: Mapping[str, Option]) -> tuple[BlockOptions, ...]:
        """All twelve blocks."""
        heads = options["heads"]
        assert isinstance(heads, int)
        local = (1, 31) if heads < 3 else (None, None)
        return (BlockOptions(heads, 1 if heads else None, 4, *local),) * DEPTH
