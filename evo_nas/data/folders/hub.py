"""A dataset in the local cache of Hugging Face ``datasets``, by its name: ``hf:cifar10``.

A configuration stands behind an ``@``: ``hf:glue@sst2``. Nothing is fetched: what is not there has
to be loaded once with the library itself. A folder that it has written (``save_to_disk``) is named
by its path: ``hf:./mine``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evo_nas.core.paths import expanded
from evo_nas.core.plugins import registry
from evo_nas.errors import DataError

from .parquet import import_datasets
from .splits import Split, Splits, training_split

PREFIX = registry.HUB
_SAVED = ("dataset_dict.json", "state.json")


def hub_splits(spec: str) -> Splits:
    """The splits of the dataset that ``hf:NAME``, ``hf:NAME@CONFIGURATION`` or ``hf:FOLDER`` names.

    Raises:
        DataError: it is not in the cache, or has no split to train on.
    """
    datasets = import_datasets()
    name, _, configuration = spec.removeprefix(PREFIX).partition("@")
    folder = expanded(spec.removeprefix(PREFIX))
    datasets.disable_progress_bars()
    try:
        with _offline(datasets):
            found = _opened(datasets, folder, name, configuration)
    except Exception as error:  # datasets raises what it meets, of many kinds
        place, reason = datasets.config.HF_DATASETS_CACHE, " ".join(str(error).split())
        more = f", {configuration!r}" * bool(configuration)
        raise DataError(
            f"{spec} cannot be opened from the cache of Hugging Face datasets, {place} ({reason}); "
            f'fetch it once: python -c "import datasets; datasets.load_dataset({name!r}{more})"'
        ) from error
    return splits_of(found if isinstance(found, Mapping) else {"train": found}, spec)


def _opened(datasets: Any, folder: Path, name: str, configuration: str) -> Any:
    if any(os.path.isfile(folder / file) for file in _SAVED):
        return datasets.load_from_disk(str(folder))
    return datasets.load_dataset(name, configuration or None)


@contextmanager
def _offline(datasets: Any) -> Iterator[None]:
    """Within it nothing is asked of the network, even where a script has imported it before."""
    from huggingface_hub import constants  # comes with datasets

    settings = [(datasets.config, "HF_HUB_OFFLINE"), (constants, "HF_HUB_OFFLINE")]
    before = [getattr(place, key) for place, key in settings]
    try:
        for place, key in settings:
            setattr(place, key, True)
        yield
    finally:
        for (place, key), was in zip(settings, before, strict=True):
            setattr(place, key, was)


def splits_of(datasets: Mapping[str, Any], source: str) -> Splits:
    """The splits that open datasets are, by their names.

    Raises:
        DataError: none is to be trained on.
    """
    splits = [
        Split(name, (Path(f"{source}, {name}"),), rows=each) for name, each in datasets.items()
    ]
    train = training_split(splits)
    if train is None:
        raise DataError(
            f"{source} has splits {', '.join(datasets)}, but not one called train; call one so"
        )
    others = [split for split in splits if split is not train]
    held_out = tuple(split for split in others if split.role != train.role or train.role is None)
    notes = [
        f"{s.place} is left out: {train.name} is trained on" for s in others if s not in held_out
    ]
    return Splits(train, held_out, tuple(notes))
