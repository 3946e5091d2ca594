"""Any tabular benchmark as a search space: one row for each network, a column for each choice."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np

from evo_nas.core.plugins.options import FilePath
from evo_nas.errors import TableError, nearest, plain
from evo_nas.space.space import Choice, Option

from .file import Integers, TableFile, read_table
from .tabulated import Metric, Tabulated


class Table(Tabulated):
    """Any table: ``table?file=FILE.csv``, a column for each choice, ``flops`` and ``accuracy``.

    FILE is a CSV file with a header, or a JSON list of objects; every combination of options has
    one row. A metric has a column of its name, which is the truth; or columns NAME.0, NAME.1, ...,
    its repeats (seeds), whose mean is the truth; or both. A list in JSON is as many such columns.
    Values are taken as they are: percents stay percents.

    Args:
        file: the file's path.
        cost: the column with the FLOPs that a budget limits, whole numbers.
        params: the column with the parameters; "params" where there is one, else all are 0.
        accuracy: the metric that ranks, called "accuracy" from here on; more is better.
        metrics: further metrics, separated by commas.
        choices: the columns that are choices, separated by commas; other columns are then ignored.
            Left out, these are all columns that are neither cost, parameters nor a metric.

    Raises:
        TableError: the file cannot be read, or rows or columns are missing, repeated or wrong.
    """

    name = "table"

    def __init__(
        self,
        file: Annotated[str, FilePath()],
        *,
        cost: str = "flops",
        params: str = "",
        accuracy: str = "accuracy",
        metrics: str = "",
        choices: str = "",
    ) -> None:
        table = read_table(Path(file))
        further = [name for name in _split(metrics) if name != accuracy]
        if "accuracy" in further:
            raise TableError(f"{file}: 'accuracy' cannot be a metric beside accuracy={accuracy}")
        named = {"accuracy": accuracy, **{name: name for name in further}}
        if not params and "params" in table.columns:
            params = "params"
        costs = {"flops": table.amounts(cost)}
        costs["params"] = table.amounts(params) if params else np.zeros_like(costs["flops"])
        measured = {name: read_metric(table, column) for name, column in named.items()}
        taken = {cost, params, *named.values()}
        taken |= {column for name in named.values() for column in _repeats(table, name)}
        columns = _split(choices) or [name for name in table.columns if name not in taken]
        options, rows = arrange(table, columns)
        self._tabulate(
            [Choice(name, o, slot=name) for name, o in zip(columns, options, strict=True)],
            {name: values[rows] for name, values in costs.items()},
            {name: metric.take(rows) for name, metric in measured.items()},
        )


def arrange(table: TableFile, columns: Sequence[str]) -> tuple[list[tuple[Option, ...]], Integers]:
    """The options of each choice, and the row of each genome in the order of genomes."""
    if not columns:
        raise TableError(f"{table.path} has no column that is a choice")
    options, indices = zip(*map(table.options, columns), strict=True)
    rows: dict[tuple[int, ...], int] = {}
    for row, genome in enumerate(zip(*(index.tolist() for index in indices), strict=True)):
        first = rows.setdefault(genome, row)
        if first != row:
            raise TableError(
                f"{table.path}, {table.places[row]} is the same network as {table.places[first]}: "
                f"{_described(columns, options, genome)}; remove one of them"
            )
    total = math.prod(map(len, options))
    every = itertools.product(*(range(len(found)) for found in options))
    if len(rows) < total:
        lost = next(genome for genome in every if genome not in rows)
        raise TableError(
            f"{table.path} has no row for {_described(columns, options, lost)}: "
            f"{total - len(rows):,} of {total:,} combinations "
            f"of {', '.join(map(plain, columns))} are missing; "
            "add them, or say which columns are choices (choices=NAME,NAME) or which are not "
            "(metrics=NAME,NAME)"
        )
    return list(options), np.array([rows[genome] for genome in every], dtype=np.int64)


def read_metric(table: TableFile, name: str) -> Metric:
    """A metric of all rows; see :class:`Table`."""
    repeats = _repeats(table, name)
    if name not in table.columns and not repeats:
        raise TableError(
            f"{table.path} has no column {name!r} and no {name + '.0'!r}; "
            f"{nearest(name, table.columns)}; name the metric that ranks with accuracy=NAME"
        )
    columns = [table.numbers(column) for column in repeats]
    values = np.array(columns).reshape(len(repeats), len(table.places)).T
    if name in table.columns:
        return Metric(table.numbers(name), values)
    return Metric.mean(values)


def _repeats(table: TableFile, name: str) -> list[str]:
    """The columns with the repeats of a metric, in order."""
    pattern = re.compile(rf"{re.escape(name)}\.(\d+)")
    numbers = sorted(int(found[1]) for found in map(pattern.fullmatch, table.columns) if found)
    for expected, actual in enumerate(numbers):
        if actual != expected:
            raise TableError(f"{table.path} has {name}.{actual} but no column {name}.{expected}")
    return [f"{name}.{number}" for number in numbers]


def _described(
    columns: Sequence[str], options: Sequence[Sequence[Option]], genome: Sequence[int]
) -> str:
    return ", ".join(
        f"{plain(column)}={plain(str(found[gene]))}"
        for column, found, gene in zip(columns, options, genome, strict=True)
    )


def _split(names: str) -> list[str]:
    return [name for name in map(str.strip, names.split(",")) if name]
