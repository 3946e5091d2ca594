import pytest

import evo_nas
from evo_nas.core.plugins import registry
from evo_nas.errors import EvaluatorError, SettingsError, SpecError
from evo_nas.evaluation.evaluator import Failure, Objective
from tests.kit.levels import GENOMES, HERE
from tests.kit.tinyspace import TinySpace, tiny_context


def load(first=f"{HERE}:Better", second=f"{HERE}:Cheap?small=true"):
    return registry.load("evaluator", f"together?first={first}&second={second}")


def test_all_metrics_and_objectives_of_both(tmp_path):
    evaluator = load()
    evaluator.open(TinySpace(), tiny_context(tmp_path))
    found = dict(evaluator.evaluate_many(GENOMES))
    for position, (i, j) in enumerate(GENOMES):
        assert found[position] == {"accuracy": (i + j) / 10, "loss": 1.0, "cheap": 3 * i + j}
    assert found[5] == evaluator.evaluate(GENOMES[5])
    assert evaluator.objectives == (Objective("accuracy"), Objective("cheap", maximise=False))


def test_it_is_what_the_first_is(tmp_path):
    evaluator = load()
    assert (evaluator.needs_data, evaluator.retrainer) == (True, "table")
    assert evaluator.shares_weights
    evaluator.open(TinySpace(), tiny_context(tmp_path))
    assert evaluator.weights((1, 1)) == tmp_path / "first" / "weights"


def test_equal_names_are_refused(tmp_path):
    with pytest.raises(SpecError, match="have the same objective, cheap"):
        load(f"{HERE}:Cheap")
    evaluator = load(second=f"{HERE}:Lesser")
    evaluator.open(TinySpace(), tiny_context(tmp_path))
    with pytest.raises(EvaluatorError, match="both returned accuracy"):
        evaluator.evaluate((0, 0))


def test_a_candidate_that_either_fails_has_failed(tmp_path):
    evaluator = load(f"{HERE}:MoodyToo", f"{HERE}:Moody")
    evaluator.open(TinySpace(), tiny_context(tmp_path))
    found = dict(evaluator.evaluate_many(GENOMES))
    for position, (i, j) in enumerate(GENOMES):
        assert isinstance(found[position], Failure) == (i <= j)


RUN = {"strategy": "nsga2?against=cheap", "samples": 24, "population": 8, "finalists": 4}


def test_a_run_searches_the_front_of_two_evaluators(tmp_path):
    (tmp_path / "cost.py").write_text("def cost(options):\n    return len(options)\n")
    second = f"python?function={tmp_path}/cost.py:cost%26objective=cheap%26minimise=true"
    result = evo_nas.run(
        "tests.kit.plugins:Tiny?blocks=3", "1K", run_dir=tmp_path / "run",
        evaluator=f"together?first=tests.kit.plugins:Score&second={second}",
        retrainer="tests.kit.plugins:Keep", data="digits?train=100", **RUN,
    )  # fmt: skip
    searched = result.of("stage1", "search")
    finalists = {e.genome for e in result.of("stage1", "finalists")}
    cheapest = min(e.metrics["cheap"] for e in searched)
    assert any(e.metrics["cheap"] == cheapest for e in searched if e.genome in finalists)
    best = max(searched, key=lambda e: e.metrics["accuracy"])
    assert best.genome in finalists


def test_an_objective_that_the_evaluator_has_not_is_told(tmp_path):
    with pytest.raises(SettingsError, match="against 'cheap': known: flops"):
        evo_nas.run(
            "tests.kit.plugins:Tiny?blocks=3", "1K", run_dir=tmp_path / "run",
            evaluator="tests.kit.plugins:Score", retrainer="tests.kit.plugins:Keep",
            data="digits?train=100", **RUN,
        )  # fmt: skip
