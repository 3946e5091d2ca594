from pathlib import Path

import pytest
import torch

from evo_nas import registry
from evo_nas.errors import CheckpointError, EvaluatorError
from evo_nas.streams import Streams
from evo_nas.subspace import Subspace

from .tinyspace import TinySpace, tiny_context

GENOMES = [(0, 0), (0, 2), (2, 1), (1, 1)]


def opened(folder, spec="supernet", space=None, **changes):
    evaluator = registry.load("evaluator", spec)
    evaluator.open(space or TinySpace(), tiny_context(folder, **changes))
    return evaluator


def scores(evaluator, genomes=GENOMES):
    return dict(evaluator.evaluate_many(genomes))


class Stopping:
    """Stops the training when so many epochs are done."""

    def __init__(self, after):
        self.after = after

    def start(self, what, total, unit):
        pass

    def advance(self, done, note=""):
        if done == self.after:
            raise KeyboardInterrupt

    def say(self, message):
        pass


def test_scores_all_genomes_of_a_generation(tmp_path):
    results = scores(opened(tmp_path))
    assert sorted(results) == [0, 1, 2, 3]
    for metrics in results.values():
        assert 0 <= metrics["accuracy"] <= 1
        assert metrics["accuracy"] == pytest.approx(
            (metrics["accuracy_even"] + metrics["accuracy_odd"]) / 2
        )
        assert metrics["standard_error"] < 0.1
        assert metrics["loss"] > 0
    assert max(m["accuracy"] for m in results.values()) > 0.5  # chance is 1/3


def test_any_number_of_processes_gives_the_same_scores_in_order(tmp_path):
    genomes = [(a, b) for a in range(3) for b in range(3)]
    alone = scores(opened(tmp_path / "one", jobs=1), genomes)
    together = scores(opened(tmp_path / "two", jobs=2), genomes)
    assert together == alone
    assert list(together) == list(range(9))


def test_a_genome_scores_the_same_in_any_company(tmp_path):
    evaluator = opened(tmp_path)
    together = scores(evaluator)
    assert [evaluator.evaluate(genome) for genome in GENOMES] == [together[i] for i in range(4)]


def test_trained_weights_are_read_instead_of_trained_again(tmp_path):
    first = opened(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"supernet.safetensors"}
    again = opened(tmp_path, progress=Stopping(after=1))
    assert scores(again) == scores(first)
    assert again.ledger == first.ledger


def test_training_that_was_stopped_goes_on_exactly(tmp_path):
    (tmp_path / "stopped").mkdir()
    with pytest.raises(KeyboardInterrupt):
        opened(tmp_path / "stopped", progress=Stopping(after=1))
    resumed = opened(tmp_path / "stopped")
    whole = opened(tmp_path / "whole")
    for name, tensor in whole.supernet.state_dict().items():
        assert torch.equal(tensor, resumed.supernet.state_dict()[name]), name
    assert scores(resumed) == scores(whole)


def test_another_seed_gives_other_weights_and_its_folder_is_not_mixed_up(tmp_path):
    first = opened(tmp_path / "a")
    other = opened(tmp_path / "b", streams=Streams(4))
    assert scores(first) != scores(other)
    with pytest.raises(CheckpointError, match="seed is '3' there, '4' here; delete the file"):
        opened(tmp_path / "a", streams=Streams(4))


def test_a_subspace_trains_only_what_it_reaches(tmp_path):
    space = Subspace(TinySpace(), {"first.inner": 8})
    evaluator = opened(tmp_path, space=space)
    initial = opened(tmp_path / "other", space=Subspace(TinySpace(), {"first.inner": 16}))
    trained = evaluator.supernet.state_dict()
    untouched = initial.supernet.state_dict()
    assert not torch.equal(
        trained["layers.first8.net.0.weight"], untouched["layers.first8.net.0.weight"]
    )
    # Weights of paths that are never taken stay as they were: no decay, no momentum moves them.
    assert torch.equal(
        trained["layers.first4.net.0.weight"], untouched["layers.first4.net.0.weight"]
    )
    assert evaluator.evaluate((0,)) == scores(evaluator, [(1,), (0,)])[1]


def test_options_limit_the_images(tmp_path):
    evaluator = opened(tmp_path, "supernet?validation_images=10&calibration_images=16")
    trained = evaluator.ledger.trained
    metrics = evaluator.evaluate((0, 0))
    assert round(metrics["accuracy"] * 10) == pytest.approx(metrics["accuracy"] * 10)
    assert evaluator.ledger.measured == 26
    assert trained == 2 * 96


def test_refuses_a_senseless_number_of_images():
    with pytest.raises(EvaluatorError, match="validation_images=1 must be a whole number, 2 or"):
        registry.load("evaluator", "supernet?validation_images=1")


def test_extracted_weights_belong_to_the_stand_alone_network(tmp_path):
    evaluator = opened(tmp_path)
    network = TinySpace().build((2, 1), tiny_context(Path()).geometry)
    network.load_state_dict(evaluator.supernet.extract((2, 1)))
