"""What Python users give to runs: numbers, texts and objects, or one line."""

from __future__ import annotations

import inspect
import re
import shlex
import tomllib
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from typer.testing import CliRunner

import evo_nas
from evo_nas.analysis.comparison.file import SHARED, Comparison
from evo_nas.analysis.correlation import trust
from evo_nas.api import prepare
from evo_nas.cli.app import app
from evo_nas.core.plugins import registry
from evo_nas.errors import EvoNasError, RunError, SettingsError
from evo_nas.results.page.repeat import command
from evo_nas.search.config import Config
from evo_nas.search.options import GROUPS, OPTIONS, Option, RunOptions, make_options, plain
from evo_nas.search.run_folder import COMPARISON
from evo_nas.strategies.settings import Settings
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
    assert getattr(make_options(**{key: given}), key) == text


def test_one_limit_alone_is_a_list_of_one() -> None:
    assert plain({"limits": "params<=6M"})["limits"] == ["params<=6M"]
    texts = ["params<=6M", "accuracy>=0.9"]
    assert plain({"limits": tuple(texts)})["limits"] == texts


def test_plug_ins_and_folders_are_kept_as_texts(tmp_path: Path) -> None:
    given = {"space": Tiny, "evaluator": Score, "samples": np.int64(24), "supernet": tmp_path}
    kept = plain(given)
    assert kept == {
        "space": "tests.kit.plugins:Tiny", "evaluator": "tests.kit.plugins:Score", "samples": 24,
        "supernet": str(tmp_path),
    }  # fmt: skip
    assert type(kept["samples"]) is int


def test_a_run_takes_classes_and_numbers() -> None:
    options = {**SMALL, "evaluator": Score, "retrainer": Keep, "limits": "params<=6M"}
    config = prepare(Tiny, 400.0, **options).config
    assert (config.space, config.flops) == ("tests.kit.plugins:Tiny", "400")
    assert (config.evaluator, config.retrainer) == (SMALL["evaluator"], SMALL["retrainer"])
    assert config.limits == ("params<=6M",)


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


@pytest.mark.parametrize(
    ("strategies", "changes", "said"),
    [
        (3, {}, "strategies is 3"),
        ([3], {}, "strategies is 3; give a name"),
        ("spos,random", {"first_seed": "a"}, "first_seed is 'a'"),
        ("spos,random", {"space": 3}, "space is 3; give a name"),
    ],
)
def test_a_comparison_says_what_is_wrong_with_its_arguments(
    strategies: Any, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        evo_nas.compare(strategies, **changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"genomes": "all"}, "genomes is 'all'; it must be a whole number"),
        ({"stage": 1}, "stage is 1; give the name of a stage"),
        ({"against": 5}, "against is 5; give a name"),
    ],
)
def test_trust_says_what_is_wrong_with_its_arguments(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(EvoNasError, match=said):
        trust(tmp_path, **changes)


# -- what follows from the table ------------------------------------------------------------------

DOCUMENTED = Path(__file__).parents[2] / "docs" / "options.md"
# A value that is not the default, where one that is made of it would be none.
OTHERS: dict[str, Any] = {
    "flops": "1.3G", "params": "6M", "latency": "15ms", "limits": ["params<=6M"],
    "supernet": "earlier", "geometry": "target", "recipe": "paper", "epochs": 3,
    "finalist_epochs": 4, "halving": 2, "crossover": 7, "mutation": 8, "jobs": 2,
    "run_dir": "mine",
    "inherit": True, "space": "nlp_nas", "strategy": "spos", "evaluator": "train",
    "retrainer": "zero_cost", "data": "none", "device": "cuda", "time": "2h", "patience": 3,
    "until": "accuracy>=0.8", "start": ["[0, 1]"], "target": "classes=4",
}  # fmt: skip


def other(option: Option) -> Any:
    """A value that is not the default."""
    return OTHERS[option.name] if option.name in OTHERS else option.default + 1


def table() -> str:
    """The options, as docs/options.md has them."""
    lines = []
    for group in GROUPS:
        lines += [f"## {group}", "", "| flag | argument | what it is |", "| --- | --- | --- |"]
        for option in OPTIONS.values():
            if option.group == group:
                flag = f"{option.flag} {option.metavar or '/ ' + option.off}".rstrip()
                lines += [f"| `{flag}` | `{option.name}` | {option.told} |"]
        lines += [""]
    return "\n".join(lines).rstrip() + "\n"


def test_the_docs_tell_every_option() -> None:
    found = DOCUMENTED.read_text()
    assert found.endswith(table()), f"docs/options.md must end with:\n{table()}"


@pytest.mark.parametrize("option", OPTIONS.values(), ids=lambda option: option.name)
def test_an_option_is_said_once_and_everywhere(option: Option, tmp_path: Path) -> None:
    assert option.help
    assert option.group in GROUPS
    assert option.metavar or option.kind.flag is bool
    told = re.sub(r"\s+", " ", CliRunner().invoke(app, ["run", "--help"]).stdout)
    assert f"{option.flag} {option.metavar}".rstrip() in told
    assert option.told in told
    for function in (evo_nas.run, prepare, RunOptions):
        assert inspect.signature(function).parameters[option.name].default == option.default
    value = other(option)
    assert value != option.default
    assert getattr(make_options(**{option.name: value}), option.name) == value
    if option.off:
        assert f"{option.flag} / {option.off}" in told
    if option.name in SHARED:
        written = Comparison(("spos",), (0,), ("paper",), 1, {option.name: value})
        written.save(tmp_path / "c")
        assert Comparison.read(tmp_path / "c").options == {option.name: value}
        with pytest.raises(RunError, match=rf"options\.{option.name} = .* must be"):
            write_wrong(tmp_path / "c" / COMPARISON, option.name)


def write_wrong(path: Path, name: str) -> None:
    """Give an option of a comparison a value of no option's type, and read it."""
    path.write_text(tomli_w.dumps({**tomllib.loads(path.read_text()), "options": {name: {}}}))
    Comparison.read(path.parent)


def test_the_command_to_repeat_a_run_has_what_is_kept(tmp_path: Path) -> None:
    given = {"population": 6, "seed": 3, "failures": 0.25, "inherit": True, "threads": 2}
    given["finalist_time_limit"] = 60.0  # of candidates there is none
    config = prepare("glit_hl", data="digits?train=100&validation=50&test=50", **given).config
    words = shlex.split(command(config, registry.load("space", "glit_hl")).replace("\\\n", " "))
    for name, value in given.items():
        assert getattr(config, name, None) == value or getattr(config.settings, name) == value
        flag = words.index(OPTIONS[name].flag)
        assert value is True or words[flag + 1] == str(value)
    through = {f.name for f in (*fields(Config), *fields(Settings))} | {"epochs", "finalist_epochs"}
    left_out = {name for name in through & OPTIONS.keys() if OPTIONS[name].flag not in words}
    # The first changes no result, of the others there are none.
    assert left_out == {"jobs", "limits", "time_limit", "time", "patience", "until", "start"}


def test_an_unknown_option_is_told_what_is_near() -> None:
    with pytest.raises(SettingsError, match="no setting 'sample'; did you mean samples"):
        prepare(sample=3)


def test_settings_are_those_of_strategies() -> None:
    assert make_options().settings == Settings()


@pytest.mark.parametrize(
    ("given", "named"), [(("glit_hl", "1.4G", "6M"), {}), (("glit_hl",), {"space": "nlp_nas"})]
)
def test_a_value_without_a_place_is_not_dropped(given: Any, named: Any) -> None:
    with pytest.raises(TypeError, match="space and flops may be given by place, once"):
        make_options(*given, **named)
