"""Pretrained networks of timm (PyTorch Image Models), with what they know of images and classes.

Source: Wightman 2019, "PyTorch Image Models".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from evo_nas.core.plugins.blame import describe
from evo_nas.data.preprocessing import Preprocessing
from evo_nas.errors import RecipeError

TIMM = "timm:"  # before a name of timm's


def timm_model(name: str) -> tuple[nn.Module, Preprocessing, tuple[str, ...]]:
    """A network of timm with its pretrained weights, how it reads images, and its classes by name.

    ``name`` is as ``timm.create_model`` takes it: ``resnet18.a1_in1k``, ``hf-hub:OWNER/NAME``,
    ``local-dir:/FOLDER``. Classes of ImageNet are called by their synsets, such as n01440764.
    """
    try:
        import timm
        from timm.data import resolve_model_data_config
    except Exception as error:  # without torchvision it fails in more ways than one
        raise RecipeError(
            f"teacher {TIMM}{name} needs packages that evo-nas does without: pip install "
            f"'evo-nas[timm]' ({describe(error)})"
        ) from error
    try:
        network: nn.Module = timm.create_model(name, pretrained=True)
    except Exception as error:  # it may not be known, have no weights, or not be reached
        raise RecipeError(f"timm gives no teacher {name!r}: {describe(error)}") from error
    config: Mapping[str, Any] = resolve_model_data_config(network)
    channels, height, width = config["input_size"]
    if height != width:
        raise RecipeError(
            f"teacher {TIMM}{name} reads images of {width}x{height} pixels, and here they are "
            "square; choose another"
        )
    mean, std = (tuple(map(float, config[key])) for key in ("mean", "std"))
    return network, Preprocessing(height, channels, mean, std), _classes(network)


def _classes(network: nn.Module) -> tuple[str, ...]:
    """The names of a network's classes; of one for ImageNet's, as timm guesses by their number."""
    from timm.data import ImageNetInfo, infer_imagenet_subset

    known: Mapping[str, Any] = getattr(network, "pretrained_cfg", {})
    names = known.get("label_names")
    if isinstance(names, Mapping):  # JSON has turned the numbers of classes into texts
        return tuple(str(names[number]) for number in sorted(names, key=int))
    if names:
        return tuple(map(str, names))
    subset = infer_imagenet_subset(known)
    return () if subset is None else tuple(ImageNetInfo(subset).label_names())
