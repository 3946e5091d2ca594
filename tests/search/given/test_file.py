"""Options in a file: a run's configuration again, a file of one's own, and one of a stranger."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evo_nas import api
from evo_nas.api import prepare
from evo_nas.core.plugins.trusted_code import ALLOW
from evo_nas.errors import BudgetError, EvoNasError, RecipeError, SettingsError, SpecError
from evo_nas.search.given import file as options_file
from evo_nas.search.given.file import completed
from tests.kit.command import command_line
from tests.kit.runs import BUDGET, SMALL, SPACE, outcome

Write = Callable[[str], Path]
SCORE = SMALL["evaluator"]
OLD = Path(__file__).parents[2] / "runs" / "version_0_1_0" / "stopped" / "config.toml"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "mine.toml"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    "given",
    [
        {**SMALL, "flops": "300..", "limits": ["params<=6M", f"{SCORE}>=0.1"], "epochs": 7},
        {**SMALL, "time": "2h", "patience": 3, "until": "accuracy>=0.8"},
        {**SMALL, "flops": "unlimited", "geometry": "proxy,image_size=12", "inherit": False},
        {"evaluator": "train", "strategy": "random", "finalist_epochs": 3, "finalists": 2,
         "data": SMALL["data"], "latency": "15ms", "jobs": 1, "seed": 5, "threads": 2},
        {"evaluator": "tests.kit.plugins:Lookup", "retrainer": "tests.kit.plugins:Lookup"},
    ],
)  # fmt: skip
def test_a_saved_configuration_is_the_same_again(tmp_path: Path, given: dict[str, Any]) -> None:
    config = prepare(SPACE, **given).config
    (tmp_path / "config.toml").write_text(config.to_toml())
    assert prepare(config=tmp_path / "config.toml").config == config


@pytest.mark.slow
def test_a_run_is_made_again_to_the_last_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    flags = ["--space", SPACE, "--flops", BUDGET, "--seed", "4"]
    flags += [word for name, value in SMALL.items() for word in (f"--{name}", value)]
    assert command_line("run", *flags, "--run-dir", "first", "--quiet") == 0
    assert command_line("run", *flags, "--dry-run", "--save-config", "saved.toml") == 0
    assert not Path("runs").exists()
    assert "jobs" not in Path("saved.toml").read_text()  # of the machine that reads it
    for number, file in enumerate(("saved.toml", "first/config.toml")):
        again = f"again-{number}"
        assert command_line("run", "--config", file, "--run-dir", again, "--quiet") == 0
        first, second = (api.load_result(Path(name)) for name in ("first", again))
        assert outcome(first) == outcome(second)
        assert first.config == second.config
    capsys.readouterr()


def test_a_few_options_will_do(write: Write) -> None:
    text = 'space = "nlp_nas"\nflops = 1.3e9\nparams = 6_000_000\nlimits = "accuracy>=0.5"\n'
    found = completed({}, write(f"{text}seed = 3\n[settings]\nsamples = 20\n"))
    assert found == {
        "space": "nlp_nas", "flops": "1.3G", "params": "6M", "limits": ["accuracy>=0.5"], "seed": 3,
        "samples": 20,
    }  # fmt: skip
    assert completed({}, write("[geometry]\nwidth = 96\n"))["geometry"] == "proxy,width=96"
    assert completed({}, write('geometry = "target"\n'))["geometry"] == "target"


def test_what_is_given_comes_before_the_file(write: Write) -> None:
    file = write(
        'flops = "1.4G"\nlatency = "9ms"\nlimits = ["params<=6M", "accuracy>=0.5"]\nseed = 1\n'
        "[settings]\nsamples = 20\nparents = 4\n"
    )
    given = {"samples": 8, "params": "8M", "limits": ["latency>=1ms"], "space": "none.py:Such"}
    assert completed(given, file) == {
        **given, "flops": "1.4G", "limits": ["accuracy>=0.5", "latency>=1ms"], "seed": 1,
        "parents": 4,
    }  # fmt: skip
    assert "flops" not in completed({"limits": ["flops<=2G"]}, file)


def test_jobs_are_no_more_than_there_are_cores(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options_file, "available_cores", lambda: 4)
    assert completed({}, write("jobs = 64\n"))["jobs"] == 4
    assert completed({}, write("jobs = 2\n"))["jobs"] == 2
    assert completed({"jobs": 64}, write("jobs = 2\n"))["jobs"] == 64


def test_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "project"
    (home / "images").mkdir(parents=True)
    (home / "mine.toml").write_text(
        'space = "spaces.toml"\nevaluator = "score.py:Score?table=a.csv"\ndata = "images"\n'
        'recipe = "slow.toml"\nsupernet = "../runs/first"\nrun_dir = "runs/new"\n'
        'limits = ["score.py:Score#accuracy>=0.5"]\nstrategy = "spos"\n'
    )
    monkeypatch.chdir(tmp_path)
    assert completed({}, "project/mine.toml") == {
        "space": f"{home}/spaces.toml", "evaluator": f"{home}/score.py:Score?table=a.csv",
        "data": f"{home}/images", "recipe": f"{home}/slow.toml",
        "supernet": f"{home}/../runs/first", "run_dir": f"{home}/runs/new", "strategy": "spos",
        "limits": [f"{home}/score.py:Score#accuracy>=0.5"],
    }  # fmt: skip


RESOLVED = 'recipe.name = "quick"\n'


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("sampels = 3\n", SettingsError, r"mine.toml: unknown key sampels; did you mean samples"),
        ("[settings]\nsampels = 3\n", SettingsError, "settings.sampels; did you mean samples"),
        ("[geometry]\nwidht = 3\n", SettingsError, "geometry.widht; did you mean width"),
        ("[geometry]\nwidth = 1.5\n", SettingsError, "geometry.width = 1.5 must be of type int"),
        ("seed = '3'\n", SettingsError, "mine.toml: seed is '3'; it must be a whole number"),
        ("seed = 1\n[settings]\nseed = 1\n", SettingsError, "unknown key settings.seed"),
        ("samples = 1\n[settings]\nsamples = 2\n", SettingsError, "samples is there twice"),
        ("seed = 2020-01-01\n", SettingsError, "mine.toml: '2020-01-01' is a date"),
        ("limits = ['params']\n", BudgetError, "mine.toml: limit 'params' is malformed"),
        ("space = \n", SettingsError, "mine.toml is no valid TOML"),
        (RESOLVED + "recipe.supernet = 3\n", RecipeError, "mine.toml: recipe.*supernet = 3 must"),
        (RESOLVED + "recipe.trian = 3\n", RecipeError, "unknown key trian; did you mean train"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_key(
    write: Write, text: str, error: type[EvoNasError], said: str
) -> None:
    with pytest.raises(error, match=said) as raised:
        prepare(config=write(text))
    assert "mine.toml" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_configuration_of_version_0_1_0_is_read() -> None:
    found = completed({}, OLD)
    assert found["recipe"] == str(OLD)
    assert found["samples"] > 0
    assert found["geometry"].startswith("target,image_size=")


def test_a_run_s_configuration_is_a_recipe(tmp_path: Path) -> None:
    config = prepare(SPACE, BUDGET, **SMALL, epochs=3).config
    (tmp_path / "config.toml").write_text(config.to_toml())
    other = prepare(SPACE, BUDGET, **SMALL, recipe=str(tmp_path / "config.toml")).config
    assert other.recipe == config.recipe
    assert other.recipe.supernet.epochs == 3


CODE = 'open("was_run", "w").close()\n'


@pytest.mark.parametrize(
    "option",
    [
        'space = "mailed.py:Mine"',
        'space = "mailed.py:Mine?blocks=4"',
        'evaluator = "cascade?levels=mailed.py:Mine?a=1;train"',
        'evaluator = "command?program=python mailed.py"',
        'limits = ["mailed.py:Mine>=1"]',
    ],
)
def test_code_of_a_stranger_s_file_is_asked_for_first(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.delenv(ALLOW)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mailed.py").write_text(CODE)
    with pytest.raises(SpecError, match=f"mine.toml would run code .*mailed.py.*{ALLOW}=1"):
        prepare(config=write(f"{option}\n"))
    assert not os.path.exists("was_run")


def test_code_that_a_user_has_named_is_known_in_a_file(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ALLOW)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    saved = tmp_path / "saved.toml"
    prepare(SPACE, BUDGET, **SMALL).save(saved)  # by whom it was named
    assert prepare(config=saved).config.space == SPACE
    other = write('space = "tests.kit.plugins:Other"\n')
    assert prepare(SPACE, BUDGET, config=other, **SMALL).config.space == SPACE  # it is not used
