"""Tables in CSV and JSON, written and read back, and with anything in them changed."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evo_nas.analysis.accuracy_figure import Point, read_points
from evo_nas.core.plugins import registry
from evo_nas.space.space import Space
from tests.kit.mutations import Changed, changes, read_or_refused


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


# -- tables ---------------------------------------------------------------------------------------

CELLS = st.text(max_size=4) | st.sampled_from(
    ["nan", "1e999", "-1", "0.5", "9" * 5000, "1_0", "٣", "a\nb", '"', "true"]
)
ROWS = [
    {"kernel": k, "operator": o, "flops": 10 * k + 3, "accuracy": k / 10, "loss": 0.5}
    for k in (3, 5) for o in ("conv", "pool")
]  # fmt: skip


def csv_text(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
    return text.getvalue()


def table_of(path: Path) -> Space:
    space: Space = registry.load("space", f"table?file={path}&metrics=loss")
    return space


OPTION = st.integers(-99, 99) | st.text("abcxyz", min_size=1, max_size=4)
OPTIONS = st.lists(OPTION, min_size=1, max_size=3, unique=True)


@settings(max_examples=50)
@given(first=OPTIONS, second=OPTIONS, suffix=st.sampled_from([".csv", ".json"]), data=st.data())
def test_a_table_written_and_read_is_the_same(
    folder: Path, first: list[Any], second: list[Any], suffix: str, data: st.DataObject
) -> None:
    rows = [
        {"a": a, "b": b, "flops": data.draw(st.integers(0, 2**53)), "accuracy": data.draw(
            st.floats(allow_nan=False, allow_infinity=False)), "loss": 0.25}
        for a in first for b in second
    ]  # fmt: skip
    path = Changed(rows, ()).write(folder, ".json")
    if suffix == ".csv":
        path = path.rename(path.with_suffix(".csv"))
        path.write_text(csv_text(rows))
    table = table_of(path)
    for row in rows:
        genome = table.encode({"a": row["a"], "b": row["b"]})
        assert table.costs(genome)["flops"] == row["flops"]
        assert table.metrics(genome) == {"accuracy": row["accuracy"], "loss": 0.25}


@given(changes(ROWS))
def test_a_json_table_with_anything_changed_is_sound_or_refused(
    folder: Path, made: Changed
) -> None:
    check_table(made.write(folder, ".json"), made.names)


@given(row=st.integers(0, 4), column=st.integers(0, 4), cell=CELLS)
def test_a_csv_table_with_a_cell_changed_is_sound_or_refused(
    folder: Path, row: int, column: int, cell: str
) -> None:
    lines = list(csv.reader(io.StringIO(csv_text(ROWS))))
    names = (lines[0][column], cell) if row == 0 else (lines[0][column],)
    lines[row][column] = cell
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    path = folder / f"{len(list(folder.iterdir()))}.csv"
    path.write_text(text.getvalue())
    check_table(path, names)


def check_table(path: Path, names: tuple[str, ...]) -> None:
    columns = ("kernel", "operator", "line", "entry", "accuracy")  # which combinations are told by
    table = read_or_refused(table_of, path, names, columns)
    if table is not None:
        genome = (0,) * len(table.choices)
        assert table.costs(genome)["flops"] >= 0
        assert table.metrics(genome).keys() >= {"accuracy"}


# -- points of a figure ---------------------------------------------------------------------------

NAMED = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), max_size=8)
POINTS = st.builds(Point, NAMED, NAMED, st.integers(1, 10**15), st.floats(0, 100))


@settings(max_examples=50)
@given(st.lists(POINTS, min_size=1, max_size=4))
def test_points_written_and_read_are_the_same(folder: Path, points: list[Point]) -> None:
    path = folder / "points.csv"
    path.write_text(csv_text([asdict(point) for point in points]))
    assert read_points(path) == points


@given(row=st.integers(0, 1), column=st.integers(0, 3), cell=CELLS)
def test_points_with_a_cell_changed_are_sound_or_refused(
    folder: Path, row: int, column: int, cell: str
) -> None:
    lines = [["family", "name", "flops", "accuracy"], ["ours", "one", "1.4G", "0.76"]]
    name = lines[0][column]
    lines[row][column] = cell
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    path = folder / "points.csv"
    path.write_text(text.getvalue())
    read_or_refused(read_points, path, (name,))
