from __future__ import annotations

import csv
import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from evo_nas.errors import SpaceError, TableError
from evo_nas.sampling.distribution import prior
from evo_nas.space.checks import check_space
from evo_nas.space.space import Geometry, Space
from tests.kit.loading import space

KERNELS, OPERATORS = (3, 5, 11), ("conv", "pool")


def rows(**changes: Any) -> list[dict[str, Any]]:
    """A made-up benchmark of 3 x 2 x 2 networks, with three trainings each."""
    made = []
    for kernel, operator, width in itertools.product(KERNELS, OPERATORS, (0.5, 1)):
        flops = 100 * KERNELS.index(kernel) + (30 if operator == "conv" else 0) + int(10 * width)
        score = flops / 1000
        made.append({
            "kernel": kernel, "operator": operator, "width": width, "flops": flops,
            "params": kernel * 2, "accuracy.0": score, "accuracy.1": score + 0.01,
            "accuracy.2": score - 0.04, "loss": 1 - score, **changes,
        })  # fmt: skip
    return made


def write(path: Path, table: list[dict[str, Any]]) -> Path:
    if path.suffix == ".json":
        path.write_text(json.dumps(table))
        return path
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(k for row in table for k in row)))
        writer.writeheader()
        writer.writerows(table)
    return path


def load(path: Path, options: str = "&metrics=loss") -> Any:
    return space(f"table?file={path}{options}")


def test_the_first_option_may_be_the_dearest(tmp_path: Path) -> None:
    read = load(write(tmp_path / "bench.csv", rows()))  # "conv" comes before "pool"
    check_space(read)
    assert [read.slot_costs("operator", ())[i,]["flops"] for i in (0, 1)] == [30, 0]
    assert read.fixed_costs(()) == {"flops": 5, "params": 6}
    assert Space.costs(read, (1, 0, 1)) == read.costs((1, 0, 1)) == {"flops": 140, "params": 10}


@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_columns_become_choices_costs_and_metrics(tmp_path: Path, suffix: str) -> None:
    table = rows()
    if suffix == "json":
        for row in table:
            row["accuracy"] = [row.pop(f"accuracy.{repeat}") for repeat in range(3)]
    read = load(write(tmp_path / f"bench.{suffix}", table[::-1]))
    assert [c.name for c in read.choices] == ["kernel", "operator", "width"]
    assert [c.options for c in read.choices] == [(3, 5, 11), ("pool", "conv"), (0.5, 1)]
    assert read.levels == (0,)
    for row in rows():
        genome = read.encode({name: row[name] for name in ("kernel", "operator", "width")})
        assert read.costs(genome) == {"flops": row["flops"], "params": row["params"]}
        metrics = read.metrics(genome)
        assert metrics["accuracy"] == pytest.approx(row["accuracy.0"] - 0.01)
        assert metrics["standard_error"] == pytest.approx(0.0152753, rel=1e-4)
        assert metrics["loss"] == pytest.approx(row["loss"])
        assert read.metrics(genome, 2) == {"accuracy": pytest.approx(row["accuracy.2"])}


def test_additive_costs_are_told_by_slot_and_sum_to_the_table(tmp_path: Path) -> None:
    read = load(write(tmp_path / "bench.csv", rows()))
    for genome in itertools.product(range(3), range(2), range(2)):
        parts = [read.slot_costs(s, ()) for s in read.slots]
        for name, total in read.costs(genome).items():
            summed = sum(part[gene,][name] for part, gene in zip(parts, genome, strict=True))
            assert read.fixed_costs(())[name] + summed == total


@pytest.mark.parametrize("column", ["flops", "params"])
def test_costs_that_do_not_add_up_stay_whole(tmp_path: Path, column: str) -> None:
    table = rows()
    table[-1][column] += 1
    read = load(write(tmp_path / "bench.csv", table))
    assert all(read.slot_costs(slot, ()) is None for slot in read.slots)
    last = read.encode({name: table[-1][name] for name in ("kernel", "operator", "width")})
    assert read.costs(last)[column] == table[-1][column]


def test_a_column_of_the_metrics_name_is_the_truth_beside_its_repeats(tmp_path: Path) -> None:
    read = load(write(tmp_path / "bench.csv", rows(accuracy=0.75)))
    assert read.metrics((0, 0, 0)) == {"accuracy": 0.75, "loss": pytest.approx(0.965)}
    assert read.metrics((0, 0, 0), 1)["accuracy"] == pytest.approx(0.045)


def test_columns_may_be_named_otherwise_and_the_rest_left_out(tmp_path: Path) -> None:
    table = [
        {"id": i, "k": k, "latency": 7 * k, "size": k, "top1": k / 10}
        for i, k in enumerate((1, 2, 3))
    ]
    options = "&choices=k&cost=latency&params=size&accuracy=top1"
    read = load(write(tmp_path / "bench.csv", table), options)
    assert [choice.name for choice in read.choices] == ["k"]
    assert read.costs((1,)) == {"flops": 14, "params": 2}
    assert read.metrics((1,)) == {"accuracy": 0.2}
    with pytest.raises(SpaceError, match="no repeat 0 of the accuracy: there are 0"):
        read.metrics((1,), 0)


def test_parameters_may_be_missing(tmp_path: Path) -> None:
    table = [{"k": k, "flops": k, "accuracy": k} for k in (1, 2)]
    assert load(write(tmp_path / "bench.csv", table), "").costs((0,)) == {"flops": 1, "params": 0}


def test_values_that_look_like_numbers_are_numbers_and_names_stay_names(tmp_path: Path) -> None:
    table = [
        {"a": a, "b": b, "flops": "1e3", "accuracy": 1}
        for a, b in itertools.product(("10", " 9", "2.50"), ("3_3", "33", "5x5"))
    ]
    read = load(write(tmp_path / "bench.csv", table), "")
    assert [choice.options for choice in read.choices] == [(2.5, 9, 10), ("3_3", 33, "5x5")]
    assert read.costs((0, 0))["flops"] == 1000


def test_marks_and_blank_lines_of_spreadsheets_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "bench.csv"
    path.write_bytes(b"\xef\xbb\xbfk, flops ,accuracy\r\n1,10,0.5\r\n\r\n2,20,0.75\r\n")
    assert load(path, "").metrics((1,)) == {"accuracy": 0.75}


CSV = "k,op,flops,accuracy\n1,a,10,0.5\n1,b,20,0.6\n2,a,30,0.7\n2,b,40,0.8\n"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("2,a,30,0.7\n", "", r"bench\.csv has no row for k=2, op=a: 1 of 4 combinations of k, op"),
        ("2,a,", "1,b,", r"bench\.csv, line 4 is the same network as line 3: k=1, op=b"),
        ("2,a,30,0.7", "2,a,30,", r"bench\.csv, line 4, column 'accuracy': there is no value"),
        ("2,a,30,0.7", "2,a,30", r"bench\.csv, line 4, column 'accuracy': there is no value"),
        ("2,a,30,0.7", "2,a,30,0.7,9", r"line 4: 5 values for 4 columns; .* is '9'"),
        ("2,a,30,0.7", "2,,30,0.7", r"line 4, column 'op': there is no value"),
        ("2,a,30,0.7", "2,a,30,nan", r"line 4, column 'accuracy': 'nan' is no finite number"),
        ("2,a,30,0.7", "2,a,30,good", r"line 4, column 'accuracy': 'good' is no finite number"),
        ("2,a,30,0.7", "inf,a,30,0.7", r"line 4, column 'k': 'inf' is no finite number"),
        ("2,a,30,0.7", "2,a,30.5,0.7", r"line 4, column 'flops': '30.5' is no whole number"),
        ("2,a,30,0.7", "2,a,-30,0.7", r"line 4, column 'flops': '-30' is no whole number"),
        ("2,a,30,0.7", "2,a,1e30,0.7", r"line 4, column 'flops': '1e30' is no whole number"),
        ("flops", "macs", r"has no column 'flops'"),
        ("accuracy", "score", r"has no column 'accuracy' and no 'accuracy.0'"),
        ("accuracy", "accuracy.1", r"has accuracy.1 but no column accuracy.0"),
        ("k,op", "k,k", r"line 1: two columns are called 'k'"),
        ("k,op", "k,", r"line 1: column 2 has no name"),
        ("2,a,30,0.7", '2,"a,30,0.7', r"bench\.csv, line 5: unexpected end of data"),
        (CSV, "", r"has no rows"),
        (CSV, "k,op,flops,accuracy\n", r"has no rows"),
        (CSV, "flops,accuracy\n1,1\n", r"has no column that is a choice"),
    ],
)
def test_a_bad_csv_file_is_told_by_row_and_column(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in CSV
    path = tmp_path / "bench.csv"
    path.write_text(CSV.replace(old, new))
    with pytest.raises(TableError, match=said):
        load(path, "")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", r"bench\.json is no JSON"),
        ("[" * 100_000, r"bench\.json is no JSON"),
        ('{"k": 1}', "must hold a list of objects"),
        ("[]", "has no rows"),
        ("[[1, 2]]", r"bench\.json, entry 1: \[1, 2\] is no object"),
        ('[{"k": 1, "k": 2}]', "'k' is there twice"),
        ('[{"k": 1, "flops": 1, "accuracy": NaN}]', "entry 1, column 'accuracy': nan is no"),
        ('[{"k": 1, "flops": 1, "accuracy": true}]', "entry 1, column 'accuracy': True is no"),
        ('[{"k": 1, "flops": 1, "accuracy": null}]', "entry 1, column 'accuracy': there is no"),
        ('[{"k": {}, "flops": 1, "accuracy": 1}]', r"entry 1, column 'k': \{\} is no option"),
        (f'[{{"k": 1, "flops": 1{"0" * 400}, "accuracy": 1}}]', "column 'flops'"),
        ('[{"k": 1, "flops": 1, "accuracy": [1, 2], "accuracy.1": 3}]', r"accuracy\.1' is there"),
        (
            '[{"k": 1, "flops": 1, "accuracy": [1, 2]}, {"k": 2, "flops": 1, "accuracy": [1]}]',
            r"entry 2, column 'accuracy\.1': there is no value",
        ),
    ],
)
def test_a_bad_json_file_is_told_by_entry_and_column(
    tmp_path: Path, content: str, said: str
) -> None:
    path = tmp_path / "bench.json"
    path.write_text(content)
    with pytest.raises(TableError, match=said):
        load(path, "")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"none\.csv cannot be read: No such file"):
        load(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(b"k,flops\n\xe9,1\n")
    with pytest.raises(TableError, match="is no UTF-8 text"):
        load(tmp_path / "latin.csv")


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "bench.csv", rows())
    first = load(path)
    assert load(path).metrics((0, 0, 0)) == first.metrics((0, 0, 0))
    write(path, rows(loss=0.125))
    assert load(path).metrics((0, 0, 0))["loss"] == 0.125
    path.unlink()
    with pytest.raises(TableError, match="cannot be read"):
        load(path)


def test_two_accuracies_are_one_too_many(tmp_path: Path) -> None:
    path = write(tmp_path / "bench.csv", rows(top1=0.5))
    with pytest.raises(TableError, match="beside accuracy=top1"):
        load(path, "&accuracy=top1&metrics=loss,accuracy")


def test_what_a_table_cannot_do_is_said(tmp_path: Path) -> None:
    read = load(write(tmp_path / "bench.csv", rows()))
    for attempt in (
        lambda: read.build((0, 0, 0), Geometry(8, 1, 10)),
        lambda: read.supernet(Geometry(8, 1, 10)),
        lambda: read.proxy(8, 1, 10),
    ):
        with pytest.raises(SpaceError, match="has no networks; use --evaluator table"):
            attempt()
    assert read.counted == "by the table"


def test_a_stage_of_a_table_knows_what_the_table_knows(tmp_path: Path) -> None:
    read = load(write(tmp_path / "bench.csv", rows()))
    stage = read.stage(0)
    assert stage.choices == read.choices
    assert stage.counted == read.counted
    for genome in itertools.product(range(3), range(2), range(2)):
        assert stage.costs(genome) == read.costs(genome)
        assert stage.metrics(genome, 1) == read.metrics(genome, 1)
    assert len(prior(stage).probabilities) == 3


def test_true_is_no_number(tmp_path: Path) -> None:
    table = [{"a": a, "flops": 1, "accuracy": 0.5} for a in (1, True, 0, False)]
    read = load(write(tmp_path / "bench.json", table), "")
    assert read.choices[0].options == (1, "True", 0, "False")
