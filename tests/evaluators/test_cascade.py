import pytest

import evo_nas
from evo_nas import registry
from evo_nas.errors import EvaluatorError, SettingsError, SpecError
from evo_nas.evaluator import Evaluator, Failure, Objective
from evo_nas.measuring import Ledger
from evo_nas.progress import Silent
from evo_nas.reference import reference_sample

from .tinyspace import TinySpace, tiny_context

GENOMES = [(i, j) for i in range(3) for j in range(3)]
HERE = "tests.evaluators.test_cascade"


class Cheap(Evaluator):
    """Likes large genes, or small ones."""

    needs_data = False

    def __init__(self, small: bool = False, fault: bool = False):
        self.objectives = (Objective("cheap", maximise=not small),)
        self.fault = fault

    def open(self, space, context):
        self.context = context

    def evaluate(self, genome):
        self.context.ledger.measured += 1
        return {"cheap": float("nan") if self.fault else 3 * genome[0] + genome[1]}


class Better(Evaluator):
    """Knows the truth; ``asked`` is about whom."""

    retrainer = "table"
    shares_weights = True

    def __init__(self, least: float = 0.0):
        self.least, self.asked = least, []

    def open(self, space, context):
        self.context = context

    def evaluate(self, genome):
        self.asked.append(genome)
        self.context.ledger.measured += 100
        return {"accuracy": self.least + (genome[0] + genome[1]) / 10, "loss": 1.0}

    def initial_weights(self, genome):
        return {"of": genome}

    def weights(self, genome):
        return self.context.folder / "weights"


class Lesser(Better):
    objectives = (Objective("loss", maximise=False),)


class Hearing(Silent):
    def __init__(self):
        self.messages = []

    def say(self, message):
        self.messages.append(message)


def load(options="share=0.25", first=f"{HERE}:Cheap", second=f"{HERE}:Better"):
    return registry.load("evaluator", f"cascade?first={first}&second={second}&{options}")


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
    assert evaluator._second.asked == passing
    assert 0 < len(passing) < len(GENOMES)
    for genome, metrics in found.items():
        assert metrics["first_cheap"] == 3 * genome[0] + genome[1]
        if genome in passing:
            expected = sum(genome) / 10
            assert (metrics["cascade"], metrics["accuracy"]) == (expected, expected)
            assert (metrics["confirmed"], metrics["loss"]) == (1, 1)
        else:
            assert -1 < metrics["cascade"] < 0
            assert metrics["confirmed"] == 0
            assert "accuracy" not in metrics


def test_what_is_filtered_out_is_led_by_the_cheap_evaluator(tmp_path):
    found = scores(opened(tmp_path, "share=0.1"))
    below = {g: m["cascade"] for g, m in found.items() if not m["confirmed"]}
    by_place = sorted(below, key=lambda g: below[g])
    assert by_place == sorted(below)
    assert len(set(below.values())) == len(below) > 4


def test_scores_depend_on_neither_order_nor_company(tmp_path):
    whole = scores(opened(tmp_path))
    assert scores(opened(tmp_path), GENOMES[::-1]) == whole
    evaluator = opened(tmp_path)
    assert {genome: dict(evaluator.evaluate(genome)) for genome in GENOMES} == whole


def test_the_less_may_be_the_better_of_the_first(tmp_path):
    found = scores(opened(tmp_path, "share=0.25", f"{HERE}:Cheap?small=true"))
    assert found[0, 0]["confirmed"] == 1
    assert found[2, 2]["confirmed"] == 0


def test_the_reference_is_what_the_budget_admits(tmp_path):
    found = scores(opened(tmp_path, draw=lambda rng: (0, int(rng.integers(3)))))
    assert [g for g, m in found.items() if not m["confirmed"]] == [(0, 0), (0, 1)]


def test_images_are_counted_where_they_are_seen(tmp_path):
    ledger = Ledger()
    evaluator = opened(tmp_path, ledger=ledger)
    assert ledger.measured == len(set(reference_sample(TinySpace(), tiny_context(tmp_path), 64)))
    evaluator.evaluate((2, 2))
    evaluator.evaluate((0, 0))
    assert ledger.measured == 9 + 101 + 1


def test_shares_are_reported_at_the_end(tmp_path):
    listener = Hearing()
    evaluator = opened(tmp_path, progress=listener)
    confirmed = sum(m["confirmed"] for m in scores(evaluator).values())
    evaluator.close()
    (message,) = listener.messages
    assert f":Cheap scored 9 candidates, {HERE}:Better {confirmed:.0f} (" in message


def test_it_is_what_the_second_is(tmp_path):
    evaluator = opened(tmp_path)
    assert (evaluator.needs_data, evaluator.retrainer) == (True, "table")
    assert (evaluator.shares_weights, evaluator.inherits) == (True, False)
    assert evaluator.initial_weights((1, 1)) == {"of": (1, 1)}
    assert evaluator.weights((1, 1)) == tmp_path / "second" / "weights"
    assert not load(first="zero_cost?scores=synflow", second="table").needs_data


def test_options_of_the_two_are_written_as_in_a_web_address():
    evaluator = load("share=0.5", "zero_cost?scores=naswot%26images=8", "supernet")
    assert (evaluator._first.scores, evaluator._first._images) == (("naswot",), 8)


def test_paths_in_both_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = "cascade?first=python?function=a.py:f%26minimise=true&second=supernet?run=runs/x"
    absolute = registry.absolute("evaluator", spec)
    assert absolute == (
        f"cascade?first=python?function={tmp_path}/a.py:f%26minimise=true"
        f"&second=supernet?run={tmp_path}/runs/x"
    )
    assert registry.absolute("evaluator", absolute) == absolute


@pytest.mark.parametrize(
    ("options", "second", "error", "said"),
    [
        ("share=1", f"{HERE}:Better", SettingsError, "share=1 must lie between"),
        ("share=0.5&reference=1", f"{HERE}:Better", SettingsError, "reference=1 must be"),
        ("share=0.5", f"{HERE}:Lesser", SpecError, "minimises loss"),
        ("share=0.5", "supernett", SpecError, "did you mean supernet"),
    ],
)
def test_wrong_options_are_told(options, second, error, said):
    with pytest.raises(error, match=said):
        load(options, second=second)


def test_scores_that_break_the_scale_are_told(tmp_path):
    with pytest.raises(EvaluatorError, match=r"returned accuracy = -4\.6; .* no less than 0"):
        opened(tmp_path, "share=0.25", f"{HERE}:Cheap", f"{HERE}:Better?least=-5").evaluate((2, 2))
    with pytest.raises(EvaluatorError, match="cheap = nan"):
        opened(tmp_path, "share=0.25", f"{HERE}:Cheap?fault=true")


class Moody(Cheap):
    """Cannot score genomes with these digits in common."""

    def evaluate(self, genome):
        if genome[0] == genome[1]:
            raise RuntimeError("not that one")
        return super().evaluate(genome)


class MoodyToo(Better):
    def evaluate(self, genome):
        if genome[0] < genome[1]:
            raise RuntimeError("nor that one")
        return super().evaluate(genome)


def test_candidates_that_either_fails_have_failed_and_others_not(tmp_path):
    evaluator = opened(tmp_path, "share=0.9", f"{HERE}:Moody", f"{HERE}:MoodyToo")
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
        evaluator="cascade?first=zero_cost?scores=params%26reference=8&second=supernet&share=0.25",
        epochs=1, inherit=True, data="digits?train=100", run_dir=tmp_path / "run",
    )  # fmt: skip
    metrics = [e.metrics for e in result.of("stage1", "search")]
    confirmed = [m for m in metrics if m["confirmed"]]
    assert 0 < len(confirmed) < 12
    assert all(m["cascade"] == m["accuracy"] for m in confirmed)
    assert (tmp_path / "run/checkpoints/stage1/search/second/supernet.safetensors").exists()
