"""Trained networks in one line: ``evo_nas.load("folder")``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from evo_nas.core.paths import expanded
from evo_nas.core.plugins.trusted_code import trusting
from evo_nas.results.hub.address import located
from evo_nas.space.network import as_classifier, check_classes

from .trained import load_trained


def load(
    what: str | Path,
    weights: str | Path | None = None,
    *,
    num_classes: int | None = None,
    image_size: int | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    trust_code: bool = False,
) -> nn.Module:
    """A trained network, in evaluation mode, on the CPU.

    Its attribute ``preprocessing`` (:class:`~evo_nas.data.Preprocessing`) reads pictures for it as
    training did: ``network(network.preprocessing.apply("photo.jpg"))``. ``pretrained_cfg`` says the
    same in timm's words: ``input_size`` (channels, size, size), ``mean`` and ``std`` (by channel,
    of pixels in 0..1), ``crop_pct``, ``crop_mode``, ``interpolation``, ``num_classes``,
    ``label_names`` and ``classifier``, the name of the last layer.

    Args:
        what: a model folder, one on the Hub (``hf://owner/name``, ``hf://owner/name@revision``), a
            finished run, one of its finalists, weights of evo-nas, or an architecture (a file or a
            published name) whose ``weights`` are given.
        weights: a file of weights of this network, safetensors or what ``torch.save`` made of a
            state dict. They may have other names in front (``module.``, ``_orig_mod.``, ``model.``)
            and be for another number of classes, or for none; at which geometry they are read, and
            how images are normalised, is told by ``what`` where they do not say it. In several
            files, their index is named (``model.safetensors.index.json``).
        num_classes: replaces the classifier by an untrained one for so many, unless ``weights``
            have one for so many; 0 takes it away.
        image_size: of images, in pixels a side, instead of that of training: position embeddings
            are resampled, and pictures read at that size. At its own size a network is the same.
        mean, std: of the images, by channel, in 0..1, where nothing tells them.
        trust_code: allows to run code that a file names: the Python file that a model folder
            carries as its space, or the plug-ins of a run or an architecture file of others.

    Raises:
        EvoNasError: there is no such network, or its weights do not fit.
        SpecError: the space is code, and it was not said that it is trusted.
        SettingsError: ``num_classes`` is no number of classes, or the network cannot read images of
            ``image_size``.
        SpaceError: the network cannot be given other classes.
    """
    if num_classes is not None:
        check_classes(num_classes)
    file = expanded(weights) if weights is not None else None
    with trusting(trust_code):
        trained = load_trained(
            str(located(what)), mean, std, file, headless=True, image_size=image_size
        )
    network, about = trained.network, trained.about
    classes = 0 if trained.headless else about.geometry.classes
    if num_classes is not None and (weights is None or num_classes != classes):
        as_classifier(network).reset_classifier(num_classes)
    network.preprocessing = about.preprocessing  # type: ignore[assignment]  # a plain attribute
    network.pretrained_cfg = {  # type: ignore[assignment]  # a plain attribute, as timm's models have
        **about.preprocessing.config,
        "num_classes": classes,
        "label_names": about.classes,
        **({"classifier": network.classifier} if hasattr(network, "classifier") else {}),
    }
    return network
