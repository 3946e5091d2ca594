"""A space that a TOML file describes: numbers change without code.

``family`` says which networks: "glit" (global and local heads) or "autoformer" (width and depth
chosen too). runs/recipes/my_space.toml is an example that says what each key means.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from evo_nas.core.plugins.modules import note
from evo_nas.core.plugins.options import FilePath
from evo_nas.core.typed import typed
from evo_nas.core.validation import parse_toml, read_text
from evo_nas.errors import SpaceError, nearest
from evo_nas.space.space import Geometry, Option, Space

from .autoformer.spaces import AutoFormer
from .glit.family import GlitFamily, block_choices, block_options
from .glit.local_heads import Locality, PatchConvolution, TokenConvolution, Windows

_LOCALITIES: Mapping[str, type[Locality]] = {
    "convolution": TokenConvolution,
    "convolution_2d": PatchConvolution,
    "window_attention": Windows,
}
_LARGEST = 1 << 20  # beyond any size of a network
_DEEPEST = 1000  # blocks

Size = Annotated[int, Field(ge=1, le=_LARGEST)]


def _list(
    what: str, low: float = 1, high: float = _LARGEST, whole: bool = True, odd: bool = False
) -> AfterValidator:
    """A list of different numbers, one at least, which comes in order."""

    def check(values: tuple[Any, ...]) -> tuple[Any, ...]:
        kinds = (int,) if whole else (int, float)
        fit = all(type(v) in kinds and low <= v <= high and (v % 2 or not odd) for v in values)
        if not values or not fit or len(set(values)) < len(values):
            raise ValueError(f"must be a list of different {what} from {low} to {high}")
        return tuple(sorted(values))

    return AfterValidator(check)


Sizes = Annotated[tuple[Any, ...], _list("whole numbers")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where FLOPs are counted; ImageNet's numbers where nothing is said."""

    image_size: Size = 224
    channels: Size = 3
    classes: Size = 1000
    patch_size: Size = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class GlitTarget(Target):
    """The same for GLiT."""

    width: Size
    heads: Size


class Block(TypedDict, total=False):
    """The options of a block, if they are not those of all."""

    heads: Annotated[tuple[Any, ...], _list("thirds of the heads that are global,", 0, 3)]
    d_k: Annotated[tuple[Any, ...], _list("numbers", 0.125, whole=False)]
    d_z: Annotated[tuple[Any, ...], _list("numbers", 0.5, whole=False)]
    expansion: Sizes


class Kernels(Block, total=False):
    """With local heads that are convolutions."""

    kernel: Annotated[tuple[Any, ...], _list("odd numbers", 3, odd=True)]


class Areas(Block, total=False):
    """With local heads that attend in windows."""

    window: Annotated[tuple[Any, ...], _list("whole numbers", 2)]


@dataclass(frozen=True, kw_only=True, slots=True)
class GlitTable:
    """A file of the family "glit", but for its options."""

    family: Literal["glit", "autoformer"] = "glit"
    name: str = ""
    depth: Annotated[int, Field(ge=1, le=_DEEPEST)]
    levels: Literal[1, 2] = 2  # all at once; heads first, then the rest
    local_heads: Literal["convolution", "convolution_2d", "window_attention"] = "convolution"
    target: GlitTarget


class LayerOptions(TypedDict):
    """The options of AutoFormer's layers."""

    heads: Sizes
    mlp_ratio: Annotated[tuple[Any, ...], _list("numbers", 0.5, whole=False)]


@dataclass(frozen=True, kw_only=True, slots=True)
class AutoFormerTable:
    """A file of the family "autoformer"."""

    family: Literal["autoformer"]
    name: str = ""
    widths: Sizes
    depths: Annotated[tuple[Any, ...], _list("whole numbers", high=_DEEPEST)]
    target: Target = field(default_factory=Target)
    options: LayerOptions


def toml_space(file: Annotated[str, FilePath()]) -> Space:
    """Reads a transformer space from a TOML file; the file alone is a spec, too.

    Args:
        file: the file's path; runs/recipes/my_space.toml says what each key means.

    Raises:
        SpaceError: the file cannot be read, or a key or value in it is wrong.
    """
    path = Path(file)
    text = read_text(path, SpaceError)
    note(path, text)
    table = parse_toml(text, SpaceError, str(path))
    made: Callable[[Path, dict[str, Any]], Space]
    made = TomlAutoFormer if table.get("family") == "autoformer" else TomlGlit
    space = made(path, table)
    try:
        with torch.device("meta"):
            space.build((0,) * len(space.choices), space.target)
    except (SpaceError, RuntimeError) as error:  # numbers that do not fit together, or too large
        raise SpaceError(f"{path}: {' '.join(str(error).split())}") from error
    return space


class TomlGlit(GlitFamily):
    """Blocks of global and local heads; what the file says of a block goes before what of all."""

    def __init__(self, path: Path, table: dict[str, Any]) -> None:
        blocks = {key: table.pop(key) for key in list(table) if re.fullmatch(r"block\d+", key)}
        common = table.pop("options", {})
        read = typed(GlitTable, table, path, SpaceError)
        slots = [f"block{number:02}" for number in range(read.depth)]
        if unknown := [key for key in blocks if key not in slots]:
            raise SpaceError(f"{path}: unknown key {unknown[0]}; {nearest(unknown[0], slots)}")
        kind = _LOCALITIES[read.local_heads]
        sections: Any = dict[str, Areas] if kind is Windows else dict[str, Kernels]
        given = typed(sections, {"options": common, **blocks}, path, SpaceError)
        usual: Mapping[str, tuple[Option, ...]] = {**block_options(kind()), **given["options"]}
        own = {slot: {**usual, **given.get(slot, {})} for slot in slots}
        self.name, self.target = read.name or path.stem, Geometry(**asdict(read.target))
        reaches = {int(reach) for options in own.values() for reach in options[kind.choice]}
        self.locality = kind(
            sorted(reaches), (self.target.image_size // self.target.patch_size) ** 2
        )
        level = read.levels - 1
        self.choices = tuple(c for slot in slots for c in block_choices(slot, own[slot], level))


class TomlAutoFormer(AutoFormer):
    """Widths and depths as context, heads and MLP ratios of each layer."""

    def __init__(self, path: Path, table: dict[str, Any]) -> None:
        read = typed(AutoFormerTable, table, path, SpaceError)
        self.name, self.target = read.name or path.stem, Geometry(**asdict(read.target))
        self.widths, self.depths = read.widths, read.depths
        self.heads, self.mlp_ratios = read.options["heads"], read.options["mlp_ratio"]
        super().__init__()
