from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from evo_nas.errors import TableError
from tests.kit.loading import made_up_macro, shared_file, space


def load(path: Path) -> Any:
    return space(f"nas_bench_macro?file={path}")


def test_identities_are_last_in_their_stage_after_its_first_layer(tmp_path: Path) -> None:
    macro = load(made_up_macro(tmp_path / "table.json"))
    assert macro.canonical((0, 1, 0, 0, 2, 1, 0, 2)) == (0, 1, 0, 2, 0, 1, 2, 0)
    assert macro.canonical((2, 1, 0, 1, 2, 1, 2, 1)) == (2, 1, 0, 1, 2, 1, 2, 1)
    every = {macro.canonical(g) for g in itertools.product(range(3), repeat=8)}
    assert len(every) == 9 * 21 * 21
    assert all(macro.canonical(genome) == genome for genome in every)


def test_accuracies_are_shares_and_the_truth_is_the_mean_of_the_seeds(tmp_path: Path) -> None:
    macro = load(made_up_macro(tmp_path / "table.json"))
    first = (0,) * 8
    assert macro.costs(first) == {"flops": 1000, "params": 2000}
    assert macro.metrics(first)["accuracy"] == pytest.approx(0.52)
    assert macro.metrics(first)["standard_error"] == pytest.approx(0.0264575 / 3**0.5, rel=1e-5)
    assert macro.metrics(first, 2) == {"accuracy": pytest.approx(0.55)}
    assert macro.options(first)["layer1.block"] == "identity"
    assert [cell.title for cell in macro.picture(first)] == list("12345678")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"without": ["00000001"]}, "no row for .*layer7=0, layer8=1: 1 of 6,561"),
        ({"rows": {"0": {}}}, "'0' is no genome of 8 digits"),
        ({"rows": {"00000003": {"test_acc": [1], "params": 1, "flops": 1}}}, "there is no value"),
        ({"rows": {"00000000": {}}}, "network '00000000', column 'test_acc.0': there is no value"),
        ({"rows": {"00000000": 7}}, "is not the published file"),
    ],
)
def test_a_damaged_table_is_told_by_network_and_column(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(TableError, match=said):
        load(made_up_macro(tmp_path / "table.json", **changes))


def test_one_network_cannot_have_two_results(tmp_path: Path) -> None:
    path = made_up_macro(tmp_path / "table.json")
    table = json.loads(path.read_text())
    table["00000010"]["test_acc"][1] += 0.5
    path.write_text(json.dumps(table))
    with pytest.raises(TableError, match=r"column 'test_acc': differs from that of network"):
        load(path)


def test_the_published_table_is_what_is_known_of_it() -> None:
    macro = load(shared_file("data/nas_bench_macro/nas-bench-macro_cifar10.json"))
    canonical = {macro.canonical(g) for g in itertools.product(range(3), repeat=8)}
    scores = {g: 100 * macro.metrics(g)["accuracy"] for g in canonical}
    assert [round(score, 3) for score in sorted(scores.values(), reverse=True)[:3]] == [
        93.127, 93.107, 93.080,
    ]  # fmt: skip
    fitting = [score for g, score in scores.items() if macro.costs(g)["flops"] <= 55_400_000]
    assert round(max(fitting), 3) == 92.307
    assert all(macro.slot_costs(slot, ()) for slot in macro.slots)
