import io
import json

import pytest
from rich.console import Console

import evo_nas
from evo_nas.cli.views.result import result_view
from evo_nas.core.plugins import registry
from evo_nas.errors import EvaluatorError, SpecError
from tests.kit.tinyspace import TinySpace, tiny_context

SOURCE = """
import math

def score(options):
    return options["first.inner"] + options["second.inner"] / 100

def metrics(options):
    options.clear()
    return {"latency": 3, "other": 1.5}

def two(options, more):
    return 1

def word(options):
    return "good"

def nothing(options):
    pass

def lost(options):
    return {"precision": 1.0}

def broken(options):
    return 1 / 0

class Scorer:
    def __init__(self, options):
        pass
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(SOURCE)
    return path


def opened(spec, folder):
    evaluator = registry.load("evaluator", f"python?function={spec}")
    evaluator.open(TinySpace(), tiny_context(folder))
    return evaluator


def test_a_function_gets_the_options_by_name(file, tmp_path):
    evaluator = opened(f"{file}:score", tmp_path)
    assert evaluator.evaluate((1, 2)) == {"accuracy": 8.16}
    assert not evaluator.needs_data


def test_a_dict_of_metrics_has_the_objective_among_them(file, tmp_path):
    evaluator = opened(f"{file}:metrics&objective=latency&minimise=true", tmp_path)
    assert evaluator.evaluate((0, 0)) == evaluator.evaluate((0, 0)) == {"latency": 3, "other": 1.5}
    (objective,) = evaluator.objectives
    assert (objective.name, objective.maximise) == ("latency", False)


def test_a_module_is_named_as_in_an_import(tmp_path):
    assert opened("builtins:len", tmp_path).evaluate((0, 0)) == {"accuracy": 2.0}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere", "has no 'nowhere'"),
        ("two", "cannot be called with the options of choices .* 'more'"),
        ("Scorer", "is a class; name a function"),
    ],
)
def test_what_is_no_such_function_is_told_at_once(file, name, said):
    with pytest.raises(SpecError, match=said):
        registry.load("evaluator", f"python?function={file}:{name}")


def test_a_name_without_a_place_and_a_file_that_is_not_there(tmp_path):
    with pytest.raises(SpecError, match=r"write function=file\.py:name"):
        registry.load("evaluator", "python?function=score")
    with pytest.raises(SpecError, match="there is no file"):
        registry.load("evaluator", f"python?function={tmp_path}/none.py:score")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("word", "accuracy = 'good', no finite number"),
        ("nothing", "accuracy = None, no finite number"),
        ("lost", "without 'accuracy'"),
        ("broken", ":broken raised ZeroDivisionError: division by zero"),
    ],
)
def test_a_failure_is_told(file, tmp_path, name, said):
    with pytest.raises(EvaluatorError, match=said):
        opened(f"{file}:{name}", tmp_path).evaluate((1, 2))


def test_a_run_is_resumed_from_another_folder(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text("def score(options):\n    return len(options) / 100\n")
    monkeypatch.chdir(tmp_path)
    settings = {"samples": 8, "population": 4, "parents": 2, "finalists": 1}
    result = evo_nas.run(
        "tests.kit.plugins:Tiny?blocks=2", "80", run_dir=tmp_path / "run", strategy="random_search",
        evaluator="python?function=mine.py:score&objective=size&minimise=true",
        retrainer="tests.kit.plugins:Keep",
        data="digits?train=100", jobs=1, **settings,
    )  # fmt: skip
    options = "objective=size&minimise=true"
    assert result.config.evaluator == f"python?function={tmp_path}/mine.py:score&{options}"
    least = min(e.metrics["size"] for e in result.of("stage1", "search"))
    console = Console(record=True, width=120, file=io.StringIO())
    console.print(result_view(result))
    assert f"size {least:.4f}" in console.export_text()
    best = json.loads((tmp_path / "run" / "best.json").read_text())
    (tmp_path / "run" / "best.json").unlink()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert evo_nas.resume(tmp_path / "run").best == best
