"""The command line as a user meets it: from a folder of its own, and whole runs in a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from tests.kit.command import command_line

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = [
    "--space", "tests.kit.plugins:Tiny?blocks=4", "--flops", "250..400",
    "--retrainer", "tests.kit.plugins:Keep", "--data", "digits?train=100&validation=50&test=50",
    "--samples", "24", "--population", "8", "--finalists", "2",
]  # fmt: skip
SCORE = [*PLUGINS, "--evaluator", "tests.kit.plugins:Score"]


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evo_nas", *arguments],
        cwd=folder, env=environment(), capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", "OMP_NUM_THREADS": "1"}


def test_a_run_from_plan_to_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = command(tmp_path, "run", *SCORE)
    assert ended.returncode == 0, ended.stderr
    assert "FLOPs are counted" in ended.stdout
    assert "accuracy is measured" in ended.stdout
    assert "Best network of runs/" in ended.stdout
    assert "stage2 finalists" in ended.stderr
    (run,) = (tmp_path / "runs").iterdir()
    assert {"config.toml", "run.sqlite", "best.json", "best.safetensors"} <= {
        path.name for path in run.iterdir()
    }
    monkeypatch.chdir(tmp_path)
    assert command_line("show", run, "--json") == 0
    assert json.loads(capsys.readouterr().out)["finished"] is True
    assert command_line("list", "runs") == 0
    listed = capsys.readouterr().out
    assert f"runs/{run.name}" in listed
    assert "finished" in listed
    assert command_line("resume", run, "--quiet") == 0
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_json_is_all_that_a_machine_reads(tmp_path: Path) -> None:
    ended = command(tmp_path, "run", *SCORE, "--json", "--run-dir", "my run")
    assert ended.returncode == 0, ended.stderr
    document = json.loads(ended.stdout)
    assert document["best"]["target"]["flops"] <= 400
    assert (tmp_path / "my run" / "best.json").is_file()


def test_a_dry_run_prints_the_plan_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command_line("run", *SCORE, "--dry-run") == 0
    assert "stage2" in capsys.readouterr().out
    assert command_line("run", *SCORE, "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["config"]["settings"]["samples"] == 24
    assert list(tmp_path.iterdir()) == []


def test_home_is_expanded_where_a_shell_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "run").mkdir()
    for words in (["run", "--dry-run", "--run-dir=~/run"], ["resume", "~/run"]):
        assert command_line(*words) == 2
        assert f"{tmp_path}/run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--space", "glit_hk"], "did you mean glit_hl"),
        (["run", *PLUGINS, "--evaluator", "supernett"], "did you mean supernet"),
        (["run", *SCORE, "--flops", "many"], "'many' is malformed"),
        (["run", *SCORE, "--flops", "1..2"], "the nearest reachable is"),
        (["run", *SCORE, "--flops", ""], "budget '' is malformed"),
        (["run", *SCORE, "--params", ""], "limit '' is malformed"),
        (["run", *SCORE, "--params", "-5"], "limit '-5' is malformed: '-5' is below 0"),
        (["run", *SCORE, "--latency", ""], "limit '' is malformed"),
        (["run", *SCORE, "--limit", ""], "limit '' is malformed"),
        (["run", *SCORE, "--evaluator", ""], "unknown evaluator ''"),
        (["run", *SCORE, "--retrainer", ""], "unknown evaluator ''"),
        (["run", *SCORE, "--strategy", ""], "unknown strategy ''"),
        (["run", *SCORE, "--data", ""], "unknown data ''"),
        (["run", *SCORE, "--recipe", ""], "there is no recipe ''"),
        (["run", *SCORE, "--geometry", ""], "geometry ''"),
        (["run", *SCORE, "--mutation-rate", "nan"], "mutation_rate"),
        (["run", *SCORE, "--failures", "nan"], "failures is nan"),
        (["run", *SCORE, "--time-limit", "-1"], "time_limit is -1"),
        (
            ["figure", "accuracy", "--paper", "--out", ""],
            "cannot be written as .; let its name end",
        ),
        (["figure", "accuracy", "--paper", "--out", "no/x.svg"], "there is no such folder: no"),
        (["compare", "x"], "it takes no argument such as x"),
        (["compare", "--flops", ""], "budget '' is malformed"),
        (["space", "glit_hl", "--flops", ""], "budget '' is malformed"),
        (["space", "glit_hl", "--params", "-5"], "limit '-5' is malformed"),
        (["run", *SCORE, "--data", "no/such/folder"], "no/such/folder"),
        (["run", *SCORE, "--run-dir", "."], "exists"),
        (["train", "."], "is no run folder: it has neither best.json nor config.toml"),
        (["run", *SCORE, "--samples", "none"], "'--samples'"),
        (["run", *SCORE, "--samples", "0"], "samples is 0"),
        (["run", *SCORE, "--epochs", "0"], "epochs is 0"),
        (["run", *SCORE, "--recipe", "slow"], "slow"),
        (["run", *SCORE, "--device", "abacus"], "abacus"),
        (["run", *SCORE, "--threads", "0"], "threads is 0"),
        (["run", *SCORE, "--geometry", "huge"], "huge"),
        (["run", *SCORE, "--no-such-flag"], "--no-such-flag"),
        (["resume", "nothing"], "there is no run folder nothing"),
        (["report", "nothing"], "there is no run folder nothing"),
        (["report", "."], ". is no run folder"),
        (["show", "glit_tinny"], "did you mean glit_tiny"),
        (["show", "best.json"], "there is no architecture file"),
        (["train", "glit_tiny", "--recipe", "diet"], "did you mean deit"),
        (["train", "glit_tiny", "--set", "epochs"], "must be written as key=value"),
        (["train", "glit_tiny", "--set", "augmentation.mixup=-1"], "mixup = -1 must be"),
        (["train", "glit_tiny", "--validate-every", "-1"], "validate_every is -1"),
        (["list", "everything"], "there is no list 'everything'"),
        (["space", "glit_hl", "--flops", "0.2G"], "551"),
    ],
)
def test_bad_input_gets_one_line_and_exit_code_2_and_leaves_nothing(
    tmp_path: Path,
    arguments: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command_line(*arguments) == 2
    (error,) = capsys.readouterr().err.strip().splitlines()
    assert said in error
    assert list(tmp_path.iterdir()) == []


BAD_STRATEGY = """
from evo_nas.strategies.base import Strategy, flat_stage

class Bad(Strategy):
    def plan(self, space, settings):
        return (flat_stage(space, settings),)

    def begin(self, stage, sampler, settings, objectives):
        pass

    def ask(self, rng):
        return {}["size"]

    def tell(self, scored):
        pass
"""


def test_what_a_plug_in_raises_is_told_by_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.py").write_text(BAD_STRATEGY)
    assert command_line("run", *SCORE, "--strategy", "bad.py:Bad", "--quiet") == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "bad.py:Bad': ask() raised KeyError: 'size' (bad.py, line 12)" in line
    assert "; evo-nas check strategy " in line


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "evo_nas", *arguments],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Where the tests run in the background, the shell has them ignore Ctrl-C.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  the tests have no threads
    )


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_control_c_says_how_to_go_on_and_a_second_process_is_refused(tmp_path: Path) -> None:
    slow = [*PLUGINS, "--evaluator", "tests.kit.plugins:Score?pause=2", "--run-dir", "run"]
    process = start(tmp_path, "run", *slow)
    wait_for(tmp_path / "run" / "run.lock", process)
    refused = command(tmp_path, "resume", "run")
    assert refused.returncode == 2
    assert f"in use by process {process.pid}" in refused.stderr
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "evo-nas resume run" in errors
    assert "Traceback" not in errors


@pytest.mark.slow
def test_control_c_in_a_training_says_which_command_goes_on(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(
        json.dumps({"space": "tests.kit.plugins:Tiny", "genome": [0] * 9})
    )
    images = "digits?train=200&validation=100&test=50"
    arguments = ["train", "mine.json", "--geometry", "proxy", "--data", images, "--threads", "1"]
    process = start(tmp_path, *arguments, "--epochs", "100000")
    wait_for(tmp_path / ".mine-proxy.safetensors.checkpoint", process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"go on with: evo-nas train mine.json --geometry proxy --data '{images}'" in errors
    assert "Traceback" not in errors
    refused = command(tmp_path, *arguments, "--epochs", "7")
    assert "epochs is 100000 there, 7 here; delete it to train anew" in refused.stderr
    assert refused.returncode == 2


@pytest.mark.slow
def test_damaged_files_of_a_run_are_named(tmp_path: Path) -> None:
    command(tmp_path, "run", *SCORE, "--run-dir", "run", "--quiet")
    (tmp_path / "run" / "best.json").unlink()
    for name in ("run.sqlite-wal", "run.sqlite-shm"):
        (tmp_path / "run" / name).unlink(missing_ok=True)
    (tmp_path / "run" / "run.sqlite").write_bytes(b"garbage " * 1000)
    for arguments in (["resume", "run"], ["show", "run"]):
        ended = command(tmp_path, *arguments)
        assert ended.returncode == 2
        assert "run.sqlite is damaged" in ended.stderr
        assert len(ended.stderr.strip().splitlines()) == 1


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line("--version") == 0
    told = capsys.readouterr().out
    assert "evo-nas 0.1.0" in told
    assert "torch" in told
    assert "cores" in told
    assert command_line("run", "--help") == 0
    assert "--flops" in capsys.readouterr().out


@pytest.mark.slow
def test_a_network_larger_than_all_memory_is_told(tmp_path: Path) -> None:
    (tmp_path / "huge.toml").write_text(
        "depth = 1\n[target]\nwidth = 1048572\nheads = 3\n"
        "[options]\nd_k = [1048576]\nd_z = [1048576]"
    )
    ended = command(tmp_path, "space", "huge.toml")
    assert ended.returncode == 2
    assert "there is not enough memory for this" in ended.stderr
