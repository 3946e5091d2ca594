"""One network of timm (PyTorch Image Models) as a space in which nothing is left to choose.

So the reference networks of the paper's Table 3 are counted, trained and measured by the same code
as everything else: ``timm?model=resnet50``. Needs the extra ``timm``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any

from torch import nn

from evo_nas.errors import SpaceError
from evo_nas.space.costs import cost_cache
from evo_nas.space.space import Costs, Genome, Geometry, Space


class TimmNetwork(Space):
    """A network of timm by its name there, such as ``resnet18``; costs are counted at 224 pixels.

    Nothing is pretrained. A geometry's image size, channels and classes count; the rest is timm's.

    Source: Wightman 2019, "PyTorch Image Models".

    Args:
        model: the name, as ``timm.list_models()`` has them.
    """

    name = "timm"
    choices = ()
    target = Geometry(224, 3, 1000)

    def __init__(self, *, model: str) -> None:
        timm = _import_timm()
        if not timm.is_model(model):
            raise SpaceError(f"timm has no model {model!r}; timm.list_models() names them all")
        self._timm, self._model = timm, model

    def fixed_costs(self, context: Genome) -> Costs:
        return self._costs

    @cached_property
    def _costs(self) -> Costs:
        size, network = self.target.image_size, partial(self.build, (), self.target)
        return cost_cache.count_made(network, 1, self.target.channels, size, size)

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        network: nn.Module = self._timm.create_model(
            self._model, num_classes=geometry.classes, in_chans=geometry.channels
        )
        return network

    def proxy(self, image_size: int, channels: int, classes: int) -> Geometry:
        return Geometry(image_size, channels, classes)


def _import_timm() -> Any:
    try:
        import timm
    except Exception as error:  # without torchvision it fails in more ways than one
        raise SpaceError(
            "networks of timm need packages that evo-nas does without: pip install "
            f"'evo-nas[timm]' ({type(error).__name__}: {error})"
        ) from error
    return timm
