"""What Python users give to runs: numbers, texts and objects, or one line."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evo_nas
from evo_nas.analysis.correlation import trust
from evo_nas.api import prepare
from evo_nas.errors import EvoNasError, SettingsError
from evo_nas.search.arguments import amount_text, limit_texts, plain_options
from tests.kit.plugins import Keep, Score, Tiny
from tests.kit.runs import BUDGET, SMALL, SPACE


@pytest.mark.parametrize(
    ("key", "given", "text"),
    [
        ("flops", 1.4e9, "1.4G"),
        ("flops", 1_234_567, "1.234567M"),
        ("flops", np.int64(250), "250"),
        ("flops", "1.3G..1.4G", "1.3G..1.4G"),
        ("flops", None, None),
        ("params", Decimal("6e6"), "6M"),
        ("latency", 15, "15.0"),
        ("latency", 1e-5, "0.00001"),
    ],
)
def test_a_number_is_an_exact_amount(key: str, given: Any, text: str | None) -> None:
    assert amount_text(key, given) == text


def test_one_limit_alone_is_a_list_of_one() -> None:
    assert limit_texts("params<=6M") == ["params<=6M"]
    assert limit_texts(("params<=6M", "accuracy>=0.9")) == ["params<=6M", "accuracy>=0.9"]


def test_a_run_takes_classes_and_numbers(tmp_path: Path) -> None:
    made = prepare(
        Tiny,
        400.0,
        **{**SMALL, "evaluator": Score, "retrainer": Keep, "samples": np.int64(24)},
        limits="params<=6M",
        run_dir=tmp_path / "run",
    )
    config = made.config
    assert (config.space, config.flops) == ("tests.kit.plugins:Tiny", "400")
    assert (config.evaluator, config.retrainer) == (
        "tests.kit.plugins:Score",
        "tests.kit.plugins:Keep",
    )
    assert config.limits == ("params<=6M",)
    assert type(config.settings.samples) is int


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"flops": True}, r"flops is True; give an amount such as 1.4e9 or '1.4G'"),
        ({"flops": float("nan")}, "flops is nan; give an amount"),
        ({"params": ["6M"]}, "params is .*; give an amount such as 6e6"),
        ({"limits": 6}, "limits is 6; give texts"),
        ({"limits": [6]}, r"limits is \[6\]; give texts"),
        ({"samples": "many"}, "samples is 'many'; it must be a whole number"),
        ({"samples": 10.5}, "samples is 10.5; it must be a whole number"),
        ({"mutation_rate": "high"}, "mutation_rate is 'high'; it must be a number"),
        ({"seed": "0"}, "seed is '0'; it must be a whole number"),
        ({"epochs": 1.5}, "epochs is 1.5; it must be a whole number"),
        ({"jobs": True}, "jobs is True; it must be a whole number"),
        ({"failures": "few"}, "failures is 'few'; it must be a number"),
        ({"time_limit": "1m"}, "time_limit is '1m'; it must be a number"),
        ({"inherit": "yes"}, "inherit is 'yes'; give True or False"),
        ({"device": 0}, "device is 0; give a text"),
        ({"geometry": (32, 3)}, r"geometry is \(32, 3\); give a text"),
        ({"recipe": {"epochs": 1}}, "recipe is .*; give a name"),
        ({"run_dir": 7}, "run_dir is 7; give a new folder"),
        ({"evaluator": Score(pause=1.0)}, "evaluator is an object of Score"),
        ({"data": 3}, "data is 3; give a name"),
    ],
)
def test_what_is_of_a_wrong_type_is_told_by_its_name(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=f"^{said}"):
        prepare(**{"space": SPACE, "flops": BUDGET, **SMALL, **changes})


def test_a_comparison_takes_the_same_and_keeps_texts(tmp_path: Path) -> None:
    options: dict[str, Any] = {**SMALL, "evaluator": Score, "limits": "params<=6M"}
    plain = plain_options({"space": Tiny, "flops": 400, **options, "supernet": tmp_path})
    assert (plain["space"], plain["flops"]) == ("tests.kit.plugins:Tiny", "400")
    assert (plain["evaluator"], plain["limits"]) == ("tests.kit.plugins:Score", ["params<=6M"])
    assert plain["supernet"] == str(tmp_path)
    for strategies, said in ((3, "strategies is 3"), ([3], "strategies is 3; give a name")):
        with pytest.raises(SettingsError, match=said):
            evo_nas.compare(strategies)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="first_seed is 'a'"):
        evo_nas.compare("spos,random", first_seed="a")
    with pytest.raises(SettingsError, match="space is 3; give a name"):
        evo_nas.compare("spos,random", space=3)


def test_trust_says_what_is_wrong_with_its_arguments(tmp_path: Path) -> None:
    for changes, said in (
        ({"genomes": "all"}, "genomes is 'all'; it must be a whole number"),
        ({"stage": 1}, "stage is 1; give the name of a stage"),
        ({"against": 5}, "against is 5; give a name"),
    ):
        with pytest.raises(EvoNasError, match=said):
            trust(tmp_path, **changes)  # type: ignore[arg-type]
