import pytest
import torch

from evo_nas.core.plugins import registry
from evo_nas.errors import EvaluatorError, SettingsError, SpaceError
from evo_nas.evaluation.evaluator import Failure
from evo_nas.evaluation.reference import Standing, reference_sample
from evo_nas.evaluation.zero_cost.features import Taught, Trained, Truth
from evo_nas.evaluation.zero_cost.flow import synflow
from evo_nas.training.batches import seeded_weights
from evo_nas.training.ledger import Ledger
from tests.kit.tinyspace import WIDTHS, TinySpace, tiny_context

NAMES = ("synflow", "grad_norm", "naswot", "dss", "jacov", "snip", "zen", "layers")
ALL = f"zero_cost?scores={','.join(NAMES)}&reference=8&images=6"


class Counted(TinySpace):
    def costs(self, genome):
        return {"flops": sum(WIDTHS[g] for g in genome), "params": 1 + 10 * genome[0]}


def opened(folder, spec=ALL, space=None, **changes):
    evaluator = registry.load("evaluator", spec)
    evaluator.open(space or TinySpace(), tiny_context(folder, **changes))
    return evaluator


def test_every_score_is_a_metric_and_the_objective_their_combination(tmp_path):
    evaluator = opened(tmp_path)
    metrics = evaluator.evaluate((2, 1))
    assert set(metrics) == {"zero_cost", *NAMES}
    assert evaluator.objectives[0].name == "zero_cost"
    sample = reference_sample(TinySpace(), tiny_context(tmp_path), 8)
    places = [
        Standing([evaluator.evaluate(genome)[name] for genome in sample]).place(metrics[name])
        for name in NAMES
    ]
    assert metrics["zero_cost"] == pytest.approx(sum(places) / 8)


def test_a_network_is_scored_with_weights_of_the_genomes_own_whatever_else_is_scored(tmp_path):
    context = tiny_context(tmp_path)
    with seeded_weights(context.streams.number("weights", 2, 1)):
        network = TinySpace().build((2, 1), context.geometry)
    found = opened(tmp_path).evaluate((2, 1))
    assert found["synflow"] == synflow(network, (1, 4, 4))
    alone = opened(tmp_path, "zero_cost?scores=dss&reference=8").evaluate((2, 1))
    assert alone["dss"] == found["dss"]


@pytest.mark.parametrize(
    ("name", "said"), [("synflo", "did you mean synflow"), ("", "no score ''")]
)
def test_a_score_that_there_is_not_is_told(name, said):
    with pytest.raises(SettingsError, match=said):
        registry.load("evaluator", f"zero_cost?scores={name}")


def test_costs_are_baselines(tmp_path):
    evaluator = opened(tmp_path, "zero_cost?scores=flops,params&reference=50", Counted())
    assert not evaluator.needs_data
    large, small = evaluator.evaluate((2, 2)), evaluator.evaluate((0, 0))
    assert (large["flops"], small["params"]) == (32, 1)
    assert 0 < small["zero_cost"] < 0.5 < large["zero_cost"] < 1


def test_images_are_needed_and_counted_only_where_they_are_looked_at(tmp_path):
    ledger = Ledger()
    evaluator = opened(tmp_path, "zero_cost?scores=synflow,dss&reference=4", ledger=ledger)
    evaluator.evaluate((0, 0))
    assert (evaluator.needs_data, ledger) == (False, Ledger())
    evaluator = opened(tmp_path, "zero_cost?scores=naswot,grad_norm&reference=4&images=5")
    before = evaluator._context.ledger.trained, evaluator._context.ledger.measured
    evaluator.evaluate((0, 0))
    after = evaluator._context.ledger.trained, evaluator._context.ledger.measured
    assert evaluator.needs_data
    assert (after[0] - before[0], after[1] - before[1]) == (5, 10)


def test_a_network_that_cannot_be_scored_is_named(tmp_path):
    class Linear(TinySpace):
        def build(self, genome, geometry):
            return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 3))

    with pytest.raises(EvaluatorError, match="the network cannot be scored: it has none"):
        opened(tmp_path, "zero_cost?scores=naswot", Linear())


class Faulty(TinySpace):
    """Networks of genomes whose first gene is 0 have no singular values."""

    def __init__(self, bad=(0,)):
        self.bad = bad

    def build(self, genome, geometry):
        network = super().build(genome, geometry)
        if genome[0] in self.bad:
            network.register_forward_pre_hook(fail)
        return network


def fail(module, inputs):
    raise torch.linalg.LinAlgError("did not converge")


def test_a_network_without_singular_values_fails_alone(tmp_path):
    found = dict(opened(tmp_path, ALL, Faulty()).evaluate_many([(0, 0), (1, 0)]))
    assert found[0] == Failure("the network cannot be scored: did not converge")
    assert found[1]["zero_cost"] > 0


def test_at_least_half_of_the_reference_sample_needs_scores(tmp_path):
    reason = (
        r"zero_cost fails for \d of the 8 networks of its reference sample, for the first because "
        "the network cannot be scored: did not converge; choose others of the scores grad_norm"
    )
    with pytest.raises(EvaluatorError, match=reason):
        opened(tmp_path, ALL, Faulty((0, 1)))


def test_a_score_beyond_all_numbers_is_told(tmp_path):
    class Wild(TinySpace):
        def build(self, genome, geometry):
            network = super().build(genome, geometry).double()
            with torch.no_grad():
                network[-1].weight.fill_(1e308)
            return network

    with pytest.raises(EvaluatorError, match=r"cannot be scored: .* synflow = inf"):
        opened(tmp_path, "zero_cost?scores=synflow&reference=2", Wild())


def test_a_space_without_networks_has_no_such_scores(tmp_path):
    (tmp_path / "bench.csv").write_text("a,flops,params,accuracy\n1,1,1,0.5\n2,2,2,0.6\n")
    space = registry.load("space", f"table?file={tmp_path}/bench.csv")
    registry.load("evaluator", "zero_cost?scores=flops").check(space)
    for spec in ("zero_cost", "latency"):
        with pytest.raises(SpaceError, match="no networks"):
            registry.load("evaluator", spec).check(space)


def test_features_are_what_networks_of_a_pool_teach(tmp_path):
    path = tmp_path / "a & b" / "truth.json"
    path.parent.mkdir()
    genomes = [(a, b) for a in range(3) for b in range(3)]
    trained = tuple(Trained(g, float(sum(g))) for g in genomes)
    Truth(Counted().fingerprint, "accuracy", True, trained).save(path)
    spec = registry.with_option("zero_cost?scores=features&reference=9", "trained", str(path))
    evaluator = opened(tmp_path, spec, Counted())
    assert not evaluator.needs_data
    found = [evaluator.evaluate(genome)["features"] for genome in genomes]
    assert found == [Taught(Counted(), Truth.read(path, Counted())).score(g) for g in genomes]
    assert found[-1] > found[0]


@pytest.mark.parametrize("spec", ["zero_cost?scores=features", "zero_cost?trained=truth.json"])
def test_features_and_what_they_learn_from_go_together(spec):
    with pytest.raises(SettingsError, match="features and its option trained go together"):
        registry.load("evaluator", spec)


def test_a_truth_that_is_not_there_is_told_before_anything_begins(tmp_path):
    evaluator = registry.load("evaluator", f"zero_cost?scores=features&trained={tmp_path}/no.json")
    with pytest.raises(SettingsError, match=r"no\.json cannot be read"):
        evaluator.check(Counted())
