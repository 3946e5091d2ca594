"""A space that a TOML file describes: numbers change without code.

``family`` says which networks: "glit" (global and local heads) or "autoformer" (width and depth
chosen too). runs/recipes/my_space.toml is an example that says what each key means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

import torch

from evo_nas.core.plugins.options import FilePath
from evo_nas.core.validation import home_expanded
from evo_nas.errors import SpaceError
from evo_nas.space.space import Choice, Geometry, Option, Space

from .autoformer.spaces import AutoFormer
from .glit.family import GlitFamily
from .glit.local_heads import Locality, PatchConvolution, TokenConvolution, Windows
from .glit.parts import BlockOptions
from .toml_table import TomlTable

_LOCALITIES: Mapping[str, type[Locality]] = {
    "convolution": TokenConvolution,
    "convolution_2d": PatchConvolution,
    "window_attention": Windows,
}

_DEEPEST = 1000  # blocks


def toml_space(file: Annotated[str, FilePath()]) -> Space:
    """Reads a transformer space from a TOML file; the file alone is a spec, too.

    Args:
        file: the file's path; runs/recipes/my_space.toml says what each key means.

    Raises:
        SpaceError: the file cannot be read, or a key or value in it is wrong.
    """
    path = home_expanded(file, SpaceError)
    table = TomlTable.of(path)
    family = table.text("family", "glit", ("glit", "autoformer"))
    name = table.text("name", path.stem)
    space = (TomlGlit if family == "glit" else TomlAutoFormer)(name, table)
    table.finish()
    try:
        with torch.device("meta"):
            space.build((0,) * len(space.choices), space.target)
    except (SpaceError, RuntimeError) as error:  # numbers that do not fit together, or too large
        raise SpaceError(f"{path}: {' '.join(str(error).split())}") from error
    return space


class TomlGlit(GlitFamily):
    """Blocks of global and local heads; each block may have options of its own.

    Args:
        name: the space's.
        table: the file; what it says of a block goes before what it says of all.
    """

    def __init__(self, name: str, table: TomlTable) -> None:
        self.name = name
        target = table.section("target")
        heads = target.whole("heads")
        self.target = replace(_target(target), width=target.whole("width"), heads=heads)
        target.finish()
        local = table.text("local_heads", "convolution", tuple(_LOCALITIES))
        depth = table.whole("depth", high=_DEEPEST)
        slots = [f"block{number:02}" for number in range(depth)]
        kind = _LOCALITIES[local]
        common = _options(table.section("options"), kind, _defaults(kind))
        own = {slot: _options(table.section(slot), kind, common) for slot in slots}
        reaches = {int(reach) for options in own.values() for reach in options[kind.choice]}
        patches = (self.target.image_size // self.target.patch_size) ** 2
        self.locality = kind(sorted(reaches), patches)
        levels = table.whole("levels", 2)
        if levels > 2:
            table.refuse("levels", "1 (all at once) or 2 (heads first, then the rest)")
        self.choices = tuple(
            choice for slot in slots for choice in _choices(slot, own[slot], kind, levels - 1)
        )

    def slot_blocks(self, slot: str, options: Mapping[str, Option]) -> tuple[BlockOptions, ...]:
        """One block for each slot."""
        fields = ("heads", "d_k", "d_z", "expansion", self.locality.choice)
        values = (options.get(f"{slot}.{field}") for field in fields)
        return (BlockOptions(*values),)  # type: ignore[arg-type]  # the table holds numbers


class TomlAutoFormer(AutoFormer):
    """Widths and depths as context, heads and MLP ratios of each layer."""

    def __init__(self, name: str, table: TomlTable) -> None:
        self.name = name
        target = table.section("target")
        self.target = _target(target)
        target.finish()
        self.widths, self.depths = table.wholes("widths"), table.wholes("depths", high=_DEEPEST)
        options = table.section("options")
        self.heads = options.wholes("heads")
        self.mlp_ratios = options.numbers("mlp_ratio", low=0.5)
        options.finish()
        super().__init__()


def _target(table: TomlTable) -> Geometry:
    """Where FLOPs are counted; ImageNet's numbers where nothing is said."""
    return Geometry(
        table.whole("image_size", 224),
        table.whole("channels", 3),
        table.whole("classes", 1000),
        patch_size=table.whole("patch_size", 16),
    )


def _options(
    table: TomlTable, kind: type[Locality], others: Mapping[str, tuple[Option, ...]]
) -> Mapping[str, tuple[Option, ...]]:
    """The options of a block by choice; ``others`` where the table says nothing."""
    heads = table.wholes("heads", others["heads"], low=0)  # type: ignore[arg-type]  # numbers
    if heads[-1] > 3:
        table.refuse("heads", "a list of how many thirds of the heads are global, of [0, 1, 2, 3]")
    lowest = 2 if kind is Windows else 3
    reach = table.wholes(kind.choice, others[kind.choice], low=lowest)  # type: ignore[arg-type]
    if kind is not Windows and any(kernel % 2 == 0 for kernel in reach):
        table.refuse(kind.choice, "a list of odd numbers from 3 up")
    found: dict[str, tuple[Option, ...]] = {
        "heads": heads,
        "d_k": table.numbers("d_k", others["d_k"], low=0.125),  # type: ignore[arg-type]
        "d_z": table.numbers("d_z", others["d_z"], low=0.5),  # type: ignore[arg-type]
        "expansion": table.wholes("expansion", others["expansion"]),  # type: ignore[arg-type]
        kind.choice: reach,
    }
    table.finish()
    return found


def _defaults(kind: type[Locality]) -> Mapping[str, tuple[Option, ...]]:
    """GLiT's options."""
    details: Mapping[str, tuple[Option, ...]] = {
        "d_k": (0.5, 1, 2), "d_z": (2, 4, 6), "expansion": (1, 2, 4), kind.choice: kind.options,
    }  # fmt: skip
    return {"heads": (0, 1, 2, 3), **details}


def _choices(
    slot: str, options: Mapping[str, tuple[Option, ...]], kind: type[Locality], level: int
) -> list[Choice]:
    """A block's choices, without any that its options of heads never make active."""
    heads = f"{slot}.heads"
    choices = [Choice(heads, options["heads"], 0, slot)]
    active: Mapping[str, frozenset[Option]] = {
        "d_k": frozenset({1, 2, 3}),
        "d_z": frozenset({0, 1, 2, 3}),
        "expansion": frozenset({0, 1, 2}),
        kind.choice: frozenset({0, 1, 2}),
    }
    for field, thirds in active.items():
        allowed = thirds & set(options["heads"])
        if allowed:
            when = {heads: allowed} if len(allowed) < len(options["heads"]) else {}
            choices.append(Choice(f"{slot}.{field}", options[field], level, slot, when))
    return choices
