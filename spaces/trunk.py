"""Networks of blocks one after another: what lies between them, checkpoints, other image sizes.

The methods have timm's names and arguments (``forward_intermediates``, ``set_grad_checkpointing``,
``set_input_size``, ``feature_info``), so that code written for its models takes these.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import torch.nn.functional as F  # noqa: N812  the name that PyTorch code uses
from torch import Tensor, is_grad_enabled, nn
from torch.utils.checkpoint import checkpoint

from evo_nas.core.validation import shown
from evo_nas.errors import SettingsError
from evo_nas.space.network import ImageClassifier

_LAST = 3  # blocks whose maps are given where all have one size
_FORMATS = ("NCHW", "NLC")


class Unit(NamedTuple):
    """What runs between two features: modules, the channels after them, and pixels a place."""

    modules: tuple[nn.Module, ...]
    channels: int
    reduction: int


class BlockNetwork(ImageClassifier):
    """A network of images to classes that says what its blocks are."""

    _checkpointing = False

    @abstractmethod
    def begin(self, images: Tensor) -> Tensor:
        """Images (batch, channels, size, size) to what the first block reads."""

    @abstractmethod
    def trunk(self) -> Sequence[Unit]:
        """The blocks, in order."""

    def finish(self, features: Tensor) -> Tensor:
        """What the last block gives to what :meth:`pool` reads; the same unless there is a norm."""
        return features

    def split(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        """Features as a map (batch, channels, rows, columns), and the tokens without a place."""
        return features, None

    def set_input_size(self, img_size: int) -> None:
        """Make the network read square images of so many pixels a side; its weights are kept.

        Raises:
            SettingsError: it cannot read images of that size.
        """
        grid_of(img_size, 1)

    def forward_features(self, images: Tensor) -> Tensor:
        return self.finish(self._last(images))

    def feature_map(self, images: Tensor) -> Tensor:
        """The output of the last block, in place (see evo_nas.space.network)."""
        return self.split(self._last(images))[0]

    def _last(self, images: Tensor) -> Tensor:
        features = self.begin(images)
        for block in self.trunk():
            features = self._run(block, features)
        return features

    def forward_intermediates(
        self,
        x: Tensor,
        indices: int | Sequence[int] | None = None,
        return_prefix_tokens: bool = False,
        norm: bool = False,
        stop_early: bool = False,
        output_fmt: str = "NCHW",
        intermediates_only: bool = False,
    ) -> Any:
        """The features after blocks, and those of :meth:`forward_features`.

        Args:
            x: images (batch, channels, size, size).
            indices: of blocks, from 0, or from the end if negative; a number alone is how many of
                the last ones; None are all.
            return_prefix_tokens: gives pairs of a map and its class tokens (batch, n, channels),
                where the network has some.
            norm: maps after the network's last norm.
            stop_early: leaves out the blocks after the last of ``indices``.
            output_fmt: "NCHW" (batch, channels, rows, columns) or "NLC" (batch, places, channels).
            intermediates_only: gives the list alone.

        Returns:
            The features, and the list of maps, in the order of blocks.

        Raises:
            SettingsError: there is no such block, or no such format.
        """
        if output_fmt not in _FORMATS:
            raise SettingsError(f"output_fmt {shown(output_fmt)}: give 'NCHW' or 'NLC'")
        blocks = self.trunk()
        wanted = taken(indices, len(blocks))
        maps: list[Any] = []
        features = self.begin(x)
        for number, block in enumerate(blocks[: max(wanted) + 1] if stop_early else blocks):
            features = self._run(block, features)
            if number in wanted:
                found, prefix = self.split(self.finish(features) if norm else features)
                found = found if output_fmt == "NCHW" else found.flatten(2).transpose(1, 2)
                maps.append(
                    (found, prefix) if return_prefix_tokens and prefix is not None else found
                )
        return maps if intermediates_only else (self.finish(features), maps)

    @property
    def feature_info(self) -> list[dict[str, Any]]:
        """Of each block the channels of its features and how many pixels a place of them is."""
        return [
            {"num_chs": block.channels, "reduction": block.reduction, "module": f"block {number}"}
            for number, block in enumerate(self.trunk())
        ]

    def features_only(self, out_indices: int | Sequence[int] | None = None) -> FeatureMaps:
        """The network as a backbone, see :class:`FeatureMaps`; it shares the weights."""
        return FeatureMaps(self, out_indices)

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Keep only what blocks read in training, and compute the rest anew for the gradients."""
        self._checkpointing = enable

    def _run(self, block: Unit, features: Tensor) -> Tensor:
        def run(features: Tensor) -> Tensor:
            for module in block.modules:
                features = module(features)
            return features

        if not (self._checkpointing and self.training and is_grad_enabled()):
            return run(features)
        contexts = nullcontext(), CountedOnce(block.modules)
        found: Tensor = checkpoint(run, features, use_reentrant=False, context_fn=lambda: contexts)
        return found


class FeatureMaps(nn.Module):
    """A network as a backbone: images to a list of maps (batch, channels, rows, columns).

    ``out_indices`` are as in :meth:`BlockNetwork.forward_intermediates`; by default the last block
    of each size of maps, or the last three where all have one size. ``feature_info`` tells of them
    what timm's does: ``channels()``, ``reduction()``.
    """

    def __init__(self, network: BlockNetwork, out_indices: int | Sequence[int] | None) -> None:
        super().__init__()
        told = network.feature_info
        if out_indices is None:
            sizes = [each["reduction"] for each in told]
            ends = [i for i, size in enumerate(sizes) if size not in sizes[i + 1 :]]
            out_indices = ends if len(ends) > 1 else min(_LAST, len(told))
        self.network = network
        self.out_indices = taken(out_indices, len(told))
        self.feature_info = FeatureInfo(told[index] for index in self.out_indices)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Images (batch, channels, size, size) to maps, in the order of blocks."""
        return self.network.forward_intermediates(  # type: ignore[no-any-return]
            images, self.out_indices, stop_early=True, intermediates_only=True
        )


class FeatureInfo(list[dict[str, Any]]):
    """What is known of the maps of a backbone, one entry a map."""

    def channels(self) -> list[int]:
        """The channels of each map."""
        return [each["num_chs"] for each in self]

    def reduction(self) -> list[int]:
        """How many pixels a side one place of each map is."""
        return [each["reduction"] for each in self]


def taken(indices: int | Sequence[int] | None, blocks: int) -> list[int]:
    """Which of so many blocks are meant, in order, see BlockNetwork.forward_intermediates."""
    asked = range(blocks) if indices is None else indices
    if isinstance(asked, int):
        asked = range(-asked, 0)
    if not asked or any(type(i) is not int or not -blocks <= i < blocks for i in asked):
        raise SettingsError(
            f"blocks {shown(indices)}: the network has {blocks}, from 0 to {blocks - 1}"
        )
    return sorted({index % blocks for index in asked})


def grid_of(image_size: object, patch: int) -> int:
    """How many patches a side images of a size have.

    Raises:
        SettingsError: it is no size, or patches do not fill the image.
    """
    if type(image_size) is not int or image_size < 1 or image_size % patch:
        raise SettingsError(
            f"image_size is {shown(image_size)}; give a whole number of pixels"
            + (f", a multiple of the patch, {patch}" if patch > 1 else "")
        )
    return image_size // patch


def resampled(positions: nn.Parameter, side: int, class_tokens: int) -> nn.Parameter:
    """Position embeddings (1, class tokens + patches, width) for ``side * side`` patches.

    Those of patches are a square grid, resized bicubically with antialiasing, as timm's are; those
    of class tokens stay (Dosovitskiy et al., ICLR 2021, section 3.2).
    """
    classes, patches = (
        positions.detach()
        .float()
        .split_with_sizes([class_tokens, positions.shape[1] - class_tokens], 1)
    )
    old = round(patches.shape[1] ** 0.5)
    if old == side:
        return positions
    grid = patches.transpose(1, 2).unflatten(2, (old, old))  # type: ignore[no-untyped-call]
    resized = F.interpolate(grid, (side, side), mode="bicubic", antialias=True, align_corners=False)
    whole = classes.new_empty(1, class_tokens + side * side, positions.shape[2])
    whole[:, :class_tokens] = classes
    whole[:, class_tokens:] = resized.flatten(2).transpose(1, 2)
    return nn.Parameter(whole.to(positions.dtype), requires_grad=positions.requires_grad)


class CountedOnce:
    """Within it batch norms compute as in training, and keep their statistics as they are.

    What is computed anew for gradients has been counted before; a second time would silently be
    another network. It may be entered again, as a graph that is retained does.
    """

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        every = (each for module in modules for each in module.modules())
        norms = (each for each in every if isinstance(each, nn.modules.batchnorm._BatchNorm))
        self._norms = [(norm, norm.momentum, norm.num_batches_tracked) for norm in norms]

    def __enter__(self) -> None:
        for norm, _, _ in self._norms:
            norm.momentum, norm.num_batches_tracked = 0.0, None

    def __exit__(self, *error: object) -> None:
        for norm, momentum, batches in self._norms:
            norm.momentum, norm.num_batches_tracked = momentum, batches
