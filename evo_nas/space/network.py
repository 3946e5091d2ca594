"""What image classifiers have in common, under the names that timm's models have given it.

``forward_features`` gives an image's features, ``forward_head`` classifies them, and
``reset_classifier`` gives a trained network other classes (timm, "Feature Extraction"). A network
derives from :class:`ImageClassifier`, says where its classifier is, and defines
``forward_features`` and ``pool``; names of weights are its own affair.
"""

from __future__ import annotations

from abc import abstractmethod

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
        """As many as there are logits; 0 if the classifier has been taken away."""
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
