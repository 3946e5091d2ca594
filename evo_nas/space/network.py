"""What networks of spaces offer: timm's names, feature maps, stochastic depth.

``forward_features`` gives an image's features, ``forward_head`` classifies them, and
``reset_classifier`` gives a trained network other classes (timm, "Feature Extraction"). A network
derives from :class:`ImageClassifier`, says where its classifier is, and defines
``forward_features`` and ``pool``; names of weights are its own affair.

A network that knows where its features lie has a method ``feature_map``, from images to features
float (batch, channels, rows, columns), before any normalisation over channels: after it the mean
over channels would be the same everywhere. Of other networks it is the last output of a layer that
has such a shape.

A network that wants stochastic depth (Huang et al., ECCV 2016) has a :class:`StochasticDepth`
behind its residual branches, at rate 0; the training recipe says how high the rates become.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  the name that PyTorch code uses
from torch import Tensor, nn

from evo_nas.core.validation import shown
from evo_nas.errors import SettingsError, SpaceError


class ImageClassifier(nn.Module):
    """A network of images to classes.

    ``num_features`` are the channels of what :meth:`forward_features` gives, ``head_hidden_size``
    those that the classifier reads; ``global_pool`` is one of ``pools``, how features become one
    vector an image.
    """

    classifier: str  # the last layer, as get_submodule finds it
    pools: tuple[str, ...] = ("avg",)
    num_features: int
    global_pool: str = "avg"

    @abstractmethod
    def forward_features(self, images: Tensor) -> Tensor:
        """Images (batch, channels, size, size) to features with places, after the last norm."""

    @abstractmethod
    def pool(self, features: Tensor) -> Tensor:
        """Features to what the classifier reads, (batch, head hidden size)."""

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:
        """Features to logits (batch, classes); with ``pre_logits`` to what the classifier reads."""
        pooled = self.pool(features)
        return pooled if pre_logits else self.get_classifier()(pooled)

    def forward(self, images: Tensor) -> Tensor:
        """Images (batch, channels, size, size) to logits (batch, classes)."""
        return self.forward_head(self.forward_features(images))

    @property
    def num_classes(self) -> int:
        """The number of logits; 0 if the classifier has been taken away."""
        classifier = self.get_classifier()
        return classifier.out_features if isinstance(classifier, nn.Linear) else 0

    @property
    def head_hidden_size(self) -> int:
        """The channels that the classifier reads."""
        return self.num_features

    def get_classifier(self) -> nn.Module:
        """The last layer; the identity if it has been taken away."""
        return self.get_submodule(self.classifier)

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """A new, untrained classifier for so many classes, where the network is; 0 takes it away.

        Raises:
            SettingsError: the network does not pool in that way, or it is no number of classes.
        """
        check_classes(num_classes)
        if global_pool is not None:
            if global_pool not in self.pools:
                known = ", ".join(map(repr, self.pools))
                raise SettingsError(f"global_pool {global_pool!r}: this network knows {known}")
            self.global_pool = global_pool
        fresh: nn.Module = nn.Identity()
        if num_classes:
            like = next(self.parameters())
            fresh = nn.Linear(self.head_hidden_size, num_classes).to(like.device, like.dtype)
            nn.init.trunc_normal_(fresh.weight, std=0.02)
            nn.init.zeros_(fresh.bias)
        owner, _, name = self.classifier.rpartition(".")
        setattr(self.get_submodule(owner), name, fresh)


def check_classes(number: object) -> None:
    """Raise a SettingsError unless it is a whole number from 0 up."""
    if type(number) is not int or number < 0:
        raise SettingsError(
            f"num_classes is {shown(number)}; give a whole number, or 0 for no classifier"
        )


def as_classifier(network: nn.Module) -> ImageClassifier:
    """The network, if it can be asked for features and be given other classes.

    One that has the methods will do, whatever it derives from: timm's models have them.

    Raises:
        SpaceError: it lacks one.
    """
    for name in ("forward_features", "forward_head", "reset_classifier", "get_classifier"):
        if not callable(getattr(network, name, None)):
            raise SpaceError(
                f"{type(network).__name__} has no {name}: to give features or take other classes, "
                "networks of a space derive from evo_nas.space.network.ImageClassifier"
            )
    return network  # type: ignore[return-value]  # it has what matters


def pool_tokens(tokens: Tensor, how: str, class_tokens: int = 1) -> Tensor:
    """Tokens (batch, tokens, width), class tokens first, to one vector an image (batch, width).

    "token" is the class token, "avg" the mean over the others; "" leaves the tokens as they are.
    """
    if how == "token":
        return tokens[:, 0]
    return tokens[:, class_tokens:].mean(1) if how == "avg" else tokens


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


UNKNOWN = "this network knows no stochastic depth: it is trained without"


class StochasticDepth(nn.Module):
    """Leaves a branch out with probability ``rate``, image by image; what is kept is scaled up."""

    def __init__(self, rate: float = 0.0) -> None:
        super().__init__()
        self.rate = rate

    def extra_repr(self) -> str:
        """The rate."""
        return f"rate={self.rate:g}"

    def forward(self, branch: Tensor) -> Tensor:
        """A branch (batch, ...) to the same shape; unchanged outside of training."""
        if not self.training or self.rate == 0:
            return branch
        shape = (len(branch),) + (1,) * (branch.ndim - 1)
        kept = torch.rand(shape, device=branch.device) >= self.rate
        return branch * (kept / (1 - self.rate))


def set_stochastic_depth(network: nn.Module, rate: float) -> int:
    """Set the rates of a network's branches, rising linearly from 0 to ``rate`` with the depth.

    Returns:
        How many branches (blocks) there are; 0: the network knows no stochastic depth.
    """
    branches = [module for module in network.modules() if isinstance(module, StochasticDepth)]
    for number, branch in enumerate(branches):
        branch.rate = rate * number / max(len(branches) - 1, 1)
    return len(branches)
