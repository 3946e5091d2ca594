import pytest

import evo_nas
from evo_nas.core.plugins import registry
from evo_nas.errors import EvaluatorError, SettingsError, SpecError
from evo_nas.evaluation.evaluator import Failure
from evo_nas.evaluation.reference import reference_sample
from evo_nas.training.ledger import Ledger
from tests.kit.levels import GENOMES, HERE
from tests.kit.runs import Listener
from tests.kit.tinyspace import TinySpace, tiny_context


def load(options="shares=0.25", *levels):
    levels = levels or (f"{HERE}:Cheap", f"{HERE}:Better")
    return registry.load("evaluator", f"cascade?levels={';'.join(levels)}&{options}")


def opened(folder, *args, **changes):
    evaluator = load(*args)
    evaluator.open(TinySpace(), tiny_context(folder, **changes))
    return evaluator


def scores(evaluator, genomes=GENOMES):
    return {genomes[i]: dict(metrics) for i, metrics in evaluator.evaluate_many(genomes)}


def test_only_what_passes_is_confirmed(tmp_path):
    evaluator = opened(tmp_path)
    sample = reference_sample(TinySpace(), tiny_context(tmp_path), 64)
    values = sorted((3 * g[0] + g[1] for g in sample), reverse=True)
    passing = [g for g in GENOMES if 3 * g[0] + g[1] >= values[15]]  # the 16th of 64
    found = scores(evaluator)
    assert evaluator._lead.asked == passing
    assert 0 < len(passing) < len(GENOMES)
    for genome, metrics in found.items():
        assert metrics["level1_cheap"] == 3 * genome[0] + genome[1]
        if genome in passing:
            expected = sum(genome) / 10
            assert (metrics["cascade"], metrics["accuracy"]) == (expected, expected)
            assert (metrics["passed"], metrics["loss"]) == (1, 1)
        else:
            assert -1 < metrics["cascade"] < 0
            assert metrics["passed"] == 0
            assert "accuracy" not in metrics


def test_what_is_filtered_out_is_led_by_the_cheap_evaluator(tmp_path):
    found = scores(opened(tmp_path, "shares=0.1"))
    below = {g: m["cascade"] for g, m in found.items() if not m["passed"]}
    by_place = sorted(below, key=lambda g: below[g])
    assert by_place == sorted(below)
    assert len(set(below.values())) == len(below) > 4


def test_the_less_may_be_the_better_of_the_first(tmp_path):
    found = scores(opened(tmp_path, "shares=0.25", f"{HERE}:Cheap?small=true", f"{HERE}:Better"))
    assert found[0, 0]["passed"] == 1
    assert found[2, 2]["passed"] == 0


def test_the_reference_is_what_the_budget_admits(tmp_path):
    found = scores(opened(tmp_path, draw=lambda rng: (0, int(rng.integers(3)))))
    assert [g for g, m in found.items() if not m["passed"]] == [(0, 0), (0, 1)]


def test_shares_are_reported_at_the_end(tmp_path):
    listener = Listener()
    evaluator = opened(tmp_path, progress=listener)
    confirmed = sum(m["passed"] for m in scores(evaluator).values())
    evaluator.close()
    (message,) = listener.heard
    assert f":Cheap scored 9 candidates, {HERE}:Better {confirmed:.0f} (" in message


THREE = ("shares=0.5,0.4", f"{HERE}:Cheap", f"{HERE}:Middle", f"{HERE}:Better")


def test_each_level_sees_what_passed_the_ones_before(tmp_path):
    evaluator = opened(tmp_path, *THREE)
    sample = reference_sample(TinySpace(), tiny_context(tmp_path), 64)
    first = sorted((3 * g[0] + g[1] for g in sample), reverse=True)[31]
    came = [g for g in sample if 3 * g[0] + g[1] >= first]
    second = sorted((g[1] for g in came), reverse=True)[round(0.4 * len(came)) - 1]
    middle = evaluator._evaluators["level2"]
    assert set(middle.asked) == set(came)  # the threshold is one among those that came
    middle.asked.clear()
    found = scores(evaluator)
    passing = [g for g in GENOMES if 3 * g[0] + g[1] >= first]
    assert middle.asked == passing
    assert evaluator._lead.asked == [g for g in passing if g[1] >= second]
    assert {m["passed"] for m in found.values()} == {0, 1, 2}


def test_who_passed_more_levels_ranks_higher(tmp_path):
    found = scores(opened(tmp_path, *THREE))
    ranked = sorted(found.values(), key=lambda m: m["cascade"])
    passed = [m["passed"] for m in ranked]
    assert passed == sorted(passed)
    for metrics in ranked:
        lowest = metrics["passed"] - 2
        assert lowest < metrics["cascade"] < lowest + 1
        assert ("level2_middle" in metrics, "accuracy" in metrics) == (lowest > -2, lowest == 0)


def test_scores_of_three_levels_depend_on_neither_order_nor_company_nor_process(tmp_path):
    whole = scores(opened(tmp_path, *THREE))
    again = opened(tmp_path, *THREE)  # as a resumed run does, in the same folder
    assert {genome: dict(again.evaluate(genome)) for genome in reversed(GENOMES)} == whole


def test_images_of_every_level_are_counted(tmp_path):
    ledger = Ledger()
    evaluator = opened(tmp_path, *THREE, ledger=ledger)
    sample = reference_sample(TinySpace(), tiny_context(tmp_path), 64)
    before = ledger.measured
    assert before == len(set(sample)) + 10 * len(set(evaluator._evaluators["level2"].asked))
    cost = {0: 1, 1: 11, 2: 111}
    metrics = scores(evaluator).values()
    assert ledger.measured - before == sum(cost[m["passed"]] for m in metrics)


def test_however_bad_a_candidate_is_it_ranks_above_those_that_passed_less(tmp_path):
    levels = (f"{HERE}:Cheap?small=true", f"{HERE}:Wild", f"{HERE}:Better")
    evaluator = opened(
        tmp_path, "shares=0.9,0.5", *levels, draw=lambda rng: (int(rng.integers(1, 3)), 1)
    )
    found = scores(evaluator, [(0, 0), (0, 1), (2, 2)])
    assert [found[genome]["passed"] for genome in [(0, 0), (0, 1), (2, 2)]] == [1, 1, 0]
    assert -1 <= found[0, 0]["cascade"] <= found[0, 1]["cascade"] < 0
    assert found[2, 2]["cascade"] < -1


def test_it_is_what_the_last_level_is(tmp_path):
    evaluator = opened(tmp_path)
    assert (evaluator.needs_data, evaluator.retrainer) == (True, "table")
    assert (evaluator.shares_weights, evaluator.inherits) == (True, False)
    assert evaluator.initial_weights((1, 1)) == {"of": (1, 1)}
    assert evaluator.weights((1, 1)) == tmp_path / "level2" / "weights"
    assert not load("shares=0.5", "zero_cost?scores=synflow", "table").needs_data


def test_options_of_levels_are_written_as_in_a_web_address():
    evaluator = load("shares=0.5", "zero_cost?scores=naswot%26images=8", "supernet")
    first = evaluator._evaluators["level1"]
    assert (first.scores, first._lead._images) == (("naswot",), 8)


@pytest.mark.parametrize(
    ("options", "levels", "error", "said"),
    [
        ("shares=1", (), SettingsError, "shares=1 must be numbers between 0 and 1, one for each"),
        ("shares=0.5,0.5", (), SettingsError, "for each of the 1 levels"),
        ("shares=half", (), SettingsError, "shares=half must be"),
        ("reference=6", (f"{HERE}:Cheap",) * 3, SettingsError, "fewer than 2 to level 2"),
        ("shares=0.5", ("supernet",), SettingsError, "levels=supernet must be two"),
        ("shares=0.5", (f"{HERE}:Cheap", "supernett"), SpecError, "did you mean supernet"),
    ],
)
def test_wrong_options_are_told(options, levels, error, said):
    with pytest.raises(error, match=said):
        load(options, *levels)


def test_the_less_may_be_the_better_of_the_last(tmp_path):
    found = scores(opened(tmp_path, "shares=0.5", f"{HERE}:Cheap", f"{HERE}:Lesser"))
    passed = [metrics for metrics in found.values() if metrics["passed"]]
    assert 0 < len(passed) < len(found)
    assert all(m["cascade"] == 1 / (1 + m["loss"]) > 0 for m in passed)


def test_the_last_level_may_be_a_cascade(tmp_path):
    inner = f"cascade?levels={HERE}:Cheap%253B{HERE}:Better%26shares=0.5"
    evaluator = opened(tmp_path, "shares=0.9", f"{HERE}:Cheap", inner)
    found = {GENOMES[i]: outcome for i, outcome in evaluator.evaluate_many(GENOMES)}
    failed = {o.reason for o in found.values() if isinstance(o, Failure)}
    assert len(failed) == 1
    assert failed.pop().endswith(" filtered it out")
    accepted = {g for g, o in found.items() if not isinstance(o, Failure) and evaluator.accepts(o)}
    assert (2, 2) in accepted
    assert all(found[genome]["cascade"] == sum(genome) / 10 for genome in accepted)
    assert (0, 0) not in accepted


def test_scores_that_break_the_scale_are_told(tmp_path):
    evaluator = opened(tmp_path, "shares=0.25", f"{HERE}:Cheap", f"{HERE}:Better?least=-5")
    with pytest.raises(EvaluatorError, match=r"returned accuracy = -4\.6; .* no less than 0"):
        evaluator.evaluate((2, 2))
    with pytest.raises(EvaluatorError, match="cheap = nan"):
        opened(tmp_path, "shares=0.25", f"{HERE}:Cheap?fault=true", f"{HERE}:Better")


def test_candidates_that_a_level_fails_have_failed_and_others_not(tmp_path):
    evaluator = opened(tmp_path, "shares=0.9", f"{HERE}:Moody", f"{HERE}:MoodyToo")
    found = dict(evaluator.evaluate_many(GENOMES))
    for position, (i, j) in enumerate(GENOMES):
        if i == j:
            assert found[position].reason.startswith("RuntimeError: not that one (")
        elif i > j:
            assert found[position]["cascade"] == (i + j) / 10
    failed = {outcome.reason for outcome in found.values() if isinstance(outcome, Failure)}
    said = {reason.partition(" (")[0] for reason in failed}
    assert said == {"RuntimeError: not that one", "RuntimeError: nor that one"}


@pytest.mark.slow
def test_a_run_with_shared_weights_on_the_papers_space(tmp_path):
    result = evo_nas.run(
        "glit_hl", "1.4G", strategy="random_search", samples=12, finalists=1, finalist_epochs=1,
        evaluator="cascade?levels=zero_cost?scores=params%26reference=8;supernet&shares=0.25",
        epochs=1, inherit=True, data="digits?train=100", run_dir=tmp_path / "run",
    )  # fmt: skip
    metrics = [e.metrics for e in result.of("stage1", "search")]
    confirmed = [m for m in metrics if m["passed"]]
    assert 0 < len(confirmed) < 12
    assert all(m["cascade"] == 1 / (1 + m["loss"]) for m in confirmed)  # which ranks
    assert (tmp_path / "run/checkpoints/stage1/search/level2/supernet.safetensors").exists()
