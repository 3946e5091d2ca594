import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evo_nas.core.plugins import places, registry
from evo_nas.errors import EvaluatorError, SpecError
from tests.kit.processes import alive, gone
from tests.kit.tinyspace import WIDTHS, TinySpace, tiny_context


class Counted(TinySpace):
    def costs(self, genome):
        return {"flops": sum(WIDTHS[g] for g in genome), "params": 7}


def spec_of(path):
    """The evaluator that runs a file by Python, wherever both lie."""
    return registry.with_option("command", "program", shlex.join([sys.executable, str(path)]))


@pytest.fixture
def program(tmp_path):
    """Write a program, and give the evaluator that runs it."""

    def make(source, options=""):
        path = tmp_path / "score it.py"  # a name to be quoted
        path.write_text(f"import json, os, subprocess, sys, time\n{source}\n")
        evaluator = registry.load("evaluator", f"{spec_of(path)}{options}")
        evaluator.open(Counted(), tiny_context(tmp_path / "run"))
        return evaluator

    return make


ECHO = """
asked = json.load(sys.stdin)
choices = asked["choices"]
print(json.dumps({
    "accuracy": choices["first.inner"] + choices["second.inner"] / 100,
    "genes": sum(asked["genome"]), "flops": asked["costs"]["flops"], "seed": asked["seed"],
    "named": int(asked["space"] == "tiny"),
}))
"""


def test_a_program_is_told_of_the_genome_and_tells_metrics(program):
    evaluator = program(ECHO)
    metrics = dict(evaluator.evaluate((1, 2)))
    seed = metrics.pop("seed")
    assert metrics == {"accuracy": 8.16, "genes": 3, "flops": 24, "named": 1}
    assert 0 <= seed < 2**32
    assert evaluator.evaluate((1, 2))["seed"] == seed != evaluator.evaluate((2, 1))["seed"]


def test_the_objective_has_a_name_and_a_direction(program):
    evaluator = program("print('{\"loss\": 0.5}')", "&objective=loss&minimise=true")
    (objective,) = evaluator.objectives
    assert (objective.name, objective.maximise) == ("loss", False)
    assert evaluator.evaluate((0, 0)) == {"loss": 0.5}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("sys.exit('line 1\\nno licence')", r"exit code 1; it said: line 1 \| no licence"),
        ("sys.exit(3)", "exit code 3; it said nothing"),
        ("os.kill(os.getpid(), 9)", "exit code -9"),
        ("print('fatal: no GPU'); sys.exit(1)", "exit code 1; it said: fatal: no GPU"),
        ("print('epoch 1'); print('{}')", r"returned \[\], without 'accuracy'"),
        ("print('[{\"accuracy\": 1}]')", r"it wrote '\[.*\]' at the end, which is no JSON object"),
        ("print('{\"accuracy\": 1}\\ndone')", "1}.ndone' at the end, which is no JSON object"),
        ("print({'accuracy': 1})", "at the end, which is no JSON object"),
        ("", "it wrote '' at the end, which is no JSON object"),
        ("sys.stdout.buffer.write(b'\\xff' * 999)", r"it wrote '\.\.\..{200}' at the end, which"),
        ("print('{' * 9999)", "which is no JSON object"),
        ("print('{\"a\":' * 9999 + '1' + '}' * 9999)", "which is no JSON object"),
        ("print('{\"accuracy\": 1}'); sys.exit(1)", "exit code 1; it said: .*accuracy"),
        ("print('{\"precision\": 1}')", r"returned \['precision'\], without 'accuracy'"),
        ("print('{\"accuracy\": NaN}')", "accuracy = nan, no finite number"),
        ('print(\'{"accuracy": "high"}\')', "accuracy = 'high', no finite number"),
    ],
)
def test_a_failure_names_program_and_reason(program, source, said):
    with pytest.raises(EvaluatorError, match=said) as raised:
        program(source).evaluate((1, 2))
    assert "score it.py'': " in str(raised.value).replace('"', "'")


@pytest.mark.parametrize(
    "wrote",
    [
        b'epoch 1 loss 0.3\nepoch 2\n{"accuracy": 0.25}\n',
        b'epoch 1\r\n{"accuracy": 0.25}\r\n\r\n \t\n',
        b'\xef\xbb\xbf{"accuracy": 0.25}',
        b'caf\xe9 {not this} }{\n{"accuracy": 0.25}',
        b'\r 50%\r100%{"accuracy": 0.25}',
        b'{"accuracy": 0.1}\n{\n  "accuracy": 0.25\n}\n',
        b"x" * 2_000_000 + b'{"accuracy": 0.25}',
    ],
)
def test_metrics_are_what_the_output_ends_with(program, wrote, tmp_path):
    (tmp_path / "wrote").write_bytes(wrote)
    source = f"sys.stdout.buffer.write(open({str(tmp_path / 'wrote')!r}, 'rb').read())"
    assert program(source).evaluate((0, 0)) == {"accuracy": 0.25}


def test_what_a_program_says_beside_is_not_waited_for(program):
    source = "sys.stderr.write('x' * 10**7); print('{\"accuracy\": 0.25}')"
    assert program(source, "&timeout=30").evaluate((0, 0)) == {"accuracy": 0.25}


def test_a_child_that_is_left_behind_is_ended_and_not_waited_for(program, tmp_path):
    evaluator = program(
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\n"
        "print('{\"accuracy\": 0.25}')"
    )
    began = time.monotonic()
    assert evaluator.evaluate((0, 0)) == {"accuracy": 0.25}
    assert time.monotonic() - began < 20
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_program_need_not_read_what_it_is_told(program):
    assert program("print('{\"accuracy\": 1}')").evaluate((0, 0)) == {"accuracy": 1}


CHILD = """
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
with open({pids!r}, "w") as file:
    print(os.getpid(), child.pid, file=file, flush=True)
print("still at it", file=sys.stderr, flush=True)
time.sleep(60)
"""


def test_at_the_time_limit_the_whole_group_is_killed(program, tmp_path):
    pids = str(tmp_path / "pids")
    evaluator = program(CHILD.format(pids=pids), "&timeout=2")
    began = time.monotonic()
    with pytest.raises(EvaluatorError, match="time limit of 2 seconds; it said: still at it"):
        evaluator.evaluate((0, 0))
    assert time.monotonic() - began < 20
    assert all(gone(int(pid)) for pid in Path(pids).read_text().split())


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_behind_when_the_search_ends(tmp_path, number):
    if number == signal.SIGKILL and sys.platform != "linux":
        pytest.skip("only Linux ends programs of a process that was killed")
    pids = tmp_path / "pids"
    program = tmp_path / "slow.py"
    program.write_text("import os, subprocess, sys, time\n" + CHILD.format(pids=str(pids)))
    code = (
        "from tests.evaluators.test_command import *\n"
        f"evaluator = registry.load('evaluator', {spec_of(program)!r})\n"
        f"evaluator.open(Counted(), tiny_context(Path({str(tmp_path)!r})))\n"
        "evaluator.evaluate((0, 0))\n"
    )
    search = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    try:
        for _ in range(1000):
            if pids.exists() and len(pids.read_text().split()) == 2:
                break
            time.sleep(0.05)
        both = [int(pid) for pid in pids.read_text().split()]
        assert all(alive(pid) for pid in both)
        os.kill(search.pid, number)
        _, errors = search.communicate(timeout=20)
    finally:
        search.kill()
    assert ("KeyboardInterrupt" in errors) == (number == signal.SIGINT)
    assert all(gone(pid) for pid in both)


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("no-such-program 1", "no such program"),
        ("", "no such program"),
        ("python 'a", "malformed: No closing quotation"),
        ("here.sh", "no here.sh is on the PATH; a file in this folder is run as ./here.sh"),
        ("./here.sh", "is not executable; chmod"),
    ],
)
def test_what_is_no_program_is_told(program, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here.sh").touch()
    with pytest.raises(SpecError, match=said):
        registry.load("evaluator", f"command?program={program}")


def test_files_of_the_program_are_found_from_another_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("score.py", "with space.csv", "python"):
        (tmp_path / name).touch()
    spec = places.absolute(
        "evaluator", "command?program=python score.py --data 'with space.csv'&timeout=5"
    )
    assert spec == (
        f"command?program=python {tmp_path}/score.py --data '{tmp_path}/with space.csv'&timeout=5"
    )
    assert places.absolute("evaluator", spec) == spec
    (tmp_path / "pics").mkdir()
    assert places.absolute("evaluator", "command?program=cat pics pics/ --in=score.py score") == (
        f"command?program=cat pics {tmp_path}/pics --in={tmp_path}/score.py score"
    )
    assert places.absolute("evaluator", "command?program=cat 'x") == "command?program=cat 'x"


def test_an_environment_is_the_link_that_python_is_started_by(tmp_path, monkeypatch, program):
    """Python looks for the environment beside the name that it was called by."""
    environment = tmp_path / "environment"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to(sys.executable)
    base = sys.base_prefix
    (environment / "pyvenv.cfg").write_text(f"home = {base}/bin\n")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "score.py").write_text(
        "import json, sys\nprint(json.dumps({'accuracy': int('environment' in sys.prefix)}))"
    )
    spec = places.absolute("evaluator", "command?program=environment/bin/python score.py")
    assert spec == f"command?program={environment}/bin/python {tmp_path}/score.py"
    evaluator = registry.load("evaluator", spec)
    evaluator.open(Counted(), tiny_context(tmp_path / "run"))
    assert evaluator.evaluate((0, 0)) == {"accuracy": 1}


def test_home_is_expanded_in_every_word(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "score.py").touch()
    spec = places.absolute("evaluator", "command?program=~/bin/python ~/score.py --to=x ~ 'a~b'")
    assert spec == (
        f"command?program={tmp_path}/bin/python {tmp_path}/score.py --to=x {tmp_path} 'a~b'"
    )
