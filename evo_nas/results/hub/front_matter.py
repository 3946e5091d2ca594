"""What the Hub reads at the head of a model card: library, tags, licence, measured accuracies."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evo_nas.core.validation import shown
from evo_nas.errors import ExportError

_MEASURED = {"test": "test_accuracy", "validation": "validation_accuracy"}
_LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]*")
_DATASET = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")


@dataclass(frozen=True, slots=True)
class Publication:
    """What only whoever publishes a network can say.

    ``license`` is one of the Hub's identifiers, such as "apache-2.0"; ``datasets`` are the names on
    the Hub of the images.

    Raises:
        ExportError: it cannot be one.
    """

    license: str | None = None
    datasets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.license is not None and not _LICENSE.fullmatch(self.license):
            raise ExportError(
                f"license {shown(self.license)}: give an identifier such as apache-2.0 or mit"
            )
        for dataset in self.datasets:
            if not _DATASET.fullmatch(dataset):
                raise ExportError(
                    f"dataset {shown(dataset)}: give its name on the Hub, such as uoft-cs/cifar10"
                )


UNTOLD = Publication()


def front_matter(
    name: str, space: str, images: str | None, measured: Mapping[str, Any], said: Publication
) -> str:
    """The head of a card, in YAML.

    Args:
        name: the network's.
        space: its space's, without paths.
        images: what it was measured on, without paths.
        measured: by name; accuracies in 0..1.
        said: by whoever publishes it.
    """
    known: dict[str, Any] = {
        "library_name": "evo-nas",
        "pipeline_tag": "image-classification",
        "tags": ["evo-nas", "image-classification", "neural-architecture-search", space],
    }
    if said.license:
        known["license"] = said.license
    if said.datasets:
        known["datasets"] = list(said.datasets)
    if results := _results(images, measured, said):
        known["metrics"] = ["accuracy"]
        known["model-index"] = [{"name": name, "results": results}]
    # JSON is YAML, too, and has one way to write each text.
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in known.items()]
    return "\n".join(["---", *lines, "---", "", ""])


def _results(
    images: str | None, measured: Mapping[str, Any], said: Publication
) -> list[dict[str, Any]]:
    """The accuracies, split by split."""
    name = (images or "unknown").partition("?")[0]
    dataset = {"name": name, "type": said.datasets[0] if said.datasets else name}
    return [
        {
            "task": {"type": "image-classification", "name": "Image Classification"},
            "dataset": {**dataset, "split": split},
            "metrics": [{"type": "accuracy", "name": f"{split} accuracy", "value": measured[key]}],
        }
        for split, key in _MEASURED.items()
        if isinstance(measured.get(key), float)
    ]
