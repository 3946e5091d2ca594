"""Feature maps: where in an image a network's last features are, as the paper's Figure 6.

A network that knows where its features lie has a method ``feature_map``, from images to features
float (batch, channels, rows, columns), before any normalisation over channels: after it the mean
over channels would be the same everywhere. Of other networks it is the last output of a layer that
has such a shape.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  the name that PyTorch code uses
from torch import Tensor, nn

from evo_nas.errors import SpaceError


@torch.inference_mode()
def heat_maps(network: nn.Module, images: Tensor) -> Tensor:
    """Each image's features, averaged over channels and resized to the image (paper, section 4.4).

    Args:
        network: in any mode; it is left in evaluation mode.
        images: float (batch, channels, size, size), prepared for the network.

    Returns:
        Float (batch, size, size), each map from 0 (its least feature) to 1 (its greatest); 0 where
        all are equal.

    Raises:
        SpaceError: the network has no features with places.
    """
    network.eval()
    maps = feature_map(network, images).mean(dim=1, keepdim=True)
    resized = F.interpolate(maps, size=images.shape[-2:], mode="bilinear", align_corners=False)
    low, high = resized.amin((1, 2, 3), keepdim=True), resized.amax((1, 2, 3), keepdim=True)
    return ((resized - low) / (high - low).clamp_min(1e-12)).squeeze(1)


def feature_map(network: nn.Module, images: Tensor) -> Tensor:
    """The network's last features, float (batch, channels, rows, columns).

    Raises:
        SpaceError: there are none.
    """
    own = getattr(network, "feature_map", None)
    if callable(own):
        features: Tensor = own(images)
        return features
    last: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and output.shape[-1] > 1:
            last[:] = [output]

    layers = [module for module in network.modules() if not list(module.children())]
    hooks = [layer.register_forward_hook(keep) for layer in layers]
    try:
        network(images)
    finally:
        for hook in hooks:
            hook.remove()
    if not last:
        raise SpaceError(
            f"{type(network).__name__} has no features with places: no layer puts out (batch, "
            "channels, rows, columns); give the network a method feature_map (evo_nas.space)"
        )
    return last[0]
