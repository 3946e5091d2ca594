"""A generation scored by rungs: its members depend on a reference sample, never on each other."""

from collections import defaultdict
from dataclasses import replace

import pytest

import evo_nas
from evo_nas.core.plugins import registry
from evo_nas.errors import SettingsError, SpecError
from evo_nas.evaluation.reference import reference_sample
from evo_nas.evaluation.rungs import Rung, ladder
from evo_nas.training.ledger import Ledger
from tests.kit.runs import Listener, outcome, run, stopped
from tests.kit.tinyspace import WIDTHS, TinySpace, tiny_context

GENOMES = [(i, j) for i in range(len(WIDTHS)) for j in range(len(WIDTHS))]
EPOCH = 96  # images


def opened(folder, options="reference=8", **changes):
    evaluator = registry.load("evaluator", f"halving?{options}")
    evaluator.open(TinySpace(), tiny_context(folder, **{"epochs": 4, **changes}))
    return evaluator


def scores(evaluator, genomes=GENOMES):
    return {genomes[i]: dict(metrics) for i, metrics in evaluator.evaluate_many(genomes)}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """The scores of all networks of the space."""
    return scores(opened(tmp_path_factory.mktemp("halving")))


def test_rungs_leave_one_or_as_many_as_epochs_have_room_for():
    assert ladder(5, 1, 30) == [Rung(0, 30, 5)]
    assert ladder(16, 2, 16) == [
        Rung(0, 1, 16), Rung(1, 2, 8), Rung(2, 4, 4), Rung(4, 8, 2), Rung(8, 16, 1)
    ]  # fmt: skip
    assert ladder(16, 2, 3) == [Rung(0, 1, 16), Rung(1, 3, 8)]
    assert ladder(5, 3, 300) == [Rung(0, 33, 5), Rung(33, 100, 2), Rung(100, 300, 1)]
    assert ladder(1, 2, 300) == ladder(1, 1, 300) == [Rung(0, 300, 1)]
    assert ladder(9, 2, 1) == [Rung(0, 1, 9)]


def test_those_that_go_to_the_end_are_what_the_base_alone_gives(tmp_path, found):
    alone = registry.load("evaluator", "train")
    alone.open(TinySpace(), tiny_context(tmp_path, epochs=4))
    through = {genome: m for genome, m in found.items() if m["passed"] == 2}
    assert 0 < len(through) < len(found)
    for genome, metrics in through.items():
        plain = alone.evaluate(genome)
        assert {name: metrics[name] for name in plain} == plain
        assert metrics["halving"] == 2 + plain["accuracy"]
        ends = [metrics[name] for name in ("rung1_epochs", "rung2_epochs", "epochs")]
        assert ends == [1, 2, 4]


def test_thresholds_are_those_of_a_reference_sample_that_is_halved(tmp_path, found):
    context = tiny_context(tmp_path, epochs=4)
    sample = reference_sample(TinySpace(), context, 8)
    alone = registry.load("evaluator", "train")
    alone.open(TinySpace(), context)
    for number, (begin, end) in enumerate([(0, 1), (1, 2)]):
        value = {genome: alone.evaluate_part(genome, begin, end)["accuracy"] for genome in sample}
        best = sorted((value[genome] for genome in sample), reverse=True)
        threshold = best[len(sample) // 2 - 1]
        sample = [genome for genome in sample if value[genome] >= threshold]
        for metrics in found.values():
            if metrics["passed"] >= number:
                went_on = metrics[f"rung{number + 1}_accuracy"] >= threshold
                assert went_on == (metrics["passed"] > number)


def test_who_went_further_ranks_higher_and_no_stopped_metric_stands_alone(found):
    by_passed = defaultdict(list)
    for metrics in found.values():
        by_passed[metrics["passed"]].append(metrics["halving"])
        assert ("accuracy" in metrics) == (metrics["passed"] == 2)
        assert metrics["passed"] <= metrics["halving"] <= metrics["passed"] + 1
    assert len(by_passed) > 1


def test_scores_depend_on_neither_order_nor_company_nor_a_stop(tmp_path, found):
    first = opened(tmp_path)
    some = scores(first, GENOMES[4:])
    again = opened(tmp_path)  # as a resumed run does, in the same folder
    rest = {genome: dict(again.evaluate(genome)) for genome in reversed(GENOMES)}
    assert rest == found
    assert some.items() <= found.items()


def test_images_are_those_of_the_epochs_that_each_was_trained(tmp_path, found):
    ledger, listener = Ledger(), Listener()
    evaluator = opened(tmp_path, ledger=ledger, progress=listener)
    before, epochs = replace(ledger), {0: 1, 1: 2, 2: 4}
    genomes = GENOMES[:5]
    metrics = list(scores(evaluator, genomes).values())
    trained = sum(epochs[m["passed"]] for m in metrics)
    measured = sum(m["passed"] + 1 for m in metrics)
    assert ledger - before == Ledger(EPOCH * trained, 60 * int(measured))
    opened(tmp_path, ledger=(resumed := Ledger()))
    assert resumed == before  # of the sample, whether it is trained or was
    evaluator.close()
    assert listener.heard[-1].startswith("halving: epoch 1 scored 5 candidates, epoch 2 ")


def test_without_epochs_to_spare_all_train_alike_and_that_is_said(tmp_path):
    listener = Listener()
    evaluator = opened(tmp_path, epochs=1, progress=listener)
    metrics = evaluator.evaluate((1, 1))
    assert metrics["halving"] == metrics["accuracy"]
    assert listener.heard == ["halving: of 1 epoch none can be spared at keep=2; all train alike"]


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ("base=supernet", SpecError, "base=supernet cannot pause a training"),
        ("keep=4&reference=3", SettingsError, "reference=3 must be keep=4 or more"),
        ("keep=1", SpecError, "keep"),
    ],
)
def test_wrong_options_are_told(options, error, said):
    with pytest.raises(error, match=said):
        registry.load("evaluator", f"halving?{options}")


@pytest.mark.slow
def test_a_search_of_any_strategy_is_multi_fidelity_and_resumes_to_the_same_end(tmp_path):
    given = {
        "evaluator": "halving?reference=4", "epochs": 4, "retrainer": "train",
        "finalist_epochs": 2, "strategy": "spos", "samples": 12, "population": 4, "finalists": 2,
    }  # fmt: skip
    whole = run(tmp_path / "whole", jobs=2, **given)
    stopped(7, run, tmp_path / "run", jobs=1, **given)
    assert outcome(evo_nas.resume(tmp_path / "run")) == outcome(whole)
    passed = {e.metrics["passed"] for e in whole.of("stage1", "search")}
    assert len(passed) > 1
