"""Data frames of what was recorded: pandas, where it is installed."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evo_nas.errors import SettingsError
from evo_nas.search.store.store import Evaluation
from evo_nas.space.space import Choice, Option, Space

if TYPE_CHECKING:
    import pandas as pd

_RECORDED = ["stage", "phase", "generation", "position", "origin", "flops", "params", "seconds"]


def pandas() -> Any:
    """The package.

    Raises:
        SettingsError: it is not installed.
    """
    try:
        return importlib.import_module("pandas")
    except ImportError as error:
        raise SettingsError("data frames need pandas: pip install 'evo-nas[notebook]'") from error


def evaluations_frame(evaluations: Sequence[Evaluation], space: Space) -> pd.DataFrame:
    """One row for each evaluation, in their order.

    After what every evaluation has come a column for each metric (not a number where it was not
    measured) and one for each choice, by name, missing where it is inactive. A metric or choice
    that is called as another column already has ``metric.`` or ``choice.`` before its name.
    """
    pd = pandas()
    columns: dict[str, Any] = {name: [getattr(e, name) for e in evaluations] for name in _RECORDED}
    columns["images_trained"] = [e.images.trained for e in evaluations]
    columns["images_measured"] = [e.images.measured for e in evaluations]
    columns["failure"] = pd.array([e.failure for e in evaluations], dtype="string")
    for label in ("stage", "phase", "origin"):
        columns[label] = pd.Categorical(columns[label], list(dict.fromkeys(columns[label])))
    for metric in dict.fromkeys(name for e in evaluations for name in e.metrics):
        values = [e.metrics.get(metric) for e in evaluations]
        columns[_free("metric", metric, columns)] = pd.array(values, dtype="float64")
    made = [space.options(e.genome) for e in evaluations]
    for choice in space.choices:
        columns[_free("choice", choice.name, columns)] = _choice(choice, made)
    return pd.DataFrame(columns)


def records_frame(records: Iterable[Mapping[str, object]]) -> pd.DataFrame:
    """One row for each record, with the names of the first as columns."""
    return pandas().DataFrame(list(records))


def _choice(choice: Choice, made: Sequence[Mapping[str, Option]]) -> Any:
    """Numbers where all options are, else a category with the options in their order."""
    pd = pandas()
    values = [options.get(choice.name, pd.NA) for options in made]
    if all(type(option) is int for option in choice.options):
        return pd.array(values, dtype="Int64")
    if all(isinstance(option, int | float) for option in choice.options):
        return pd.array(values, dtype="Float64")
    return pd.Categorical([None if v is pd.NA else v for v in values], list(choice.options))


def _free(kind: str, name: str, taken: Mapping[str, object]) -> str:
    return f"{kind}.{name}" if name in taken else name
