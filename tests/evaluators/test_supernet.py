import contextlib
import re
import sqlite3
from dataclasses import replace
from importlib.resources import files

import pytest
import torch

import evo_nas
from evo_nas.core.plugins import registry
from evo_nas.core.streams import Streams
from evo_nas.errors import CheckpointError, EvaluatorError, SpaceError, TrainingError
from evo_nas.evaluation import path_workers
from evo_nas.evaluation.evaluator import Failure
from evo_nas.evaluation.outcomes import outcomes
from evo_nas.search.options import make_options
from evo_nas.search.plugins import choose_plugins
from evo_nas.space.space import Space
from evo_nas.space.subspace import Subspace
from evo_nas.training.ledger import Ledger
from evo_nas.training.recipe import load_recipe
from evo_nas.training.weights import load_weights, read_metadata, save_weights
from tests.kit.runs import Listener
from tests.kit.tinyspace import Stopping, TinySpace, opened, tiny_context, tiny_data

GENOMES = [(0, 0), (0, 2), (2, 1), (1, 1)]


def scores(evaluator, genomes=GENOMES):
    return dict(evaluator.evaluate_many(genomes))


class Separate(TinySpace):
    """Networks that share no weights."""

    supernet = Space.supernet

    def costs(self, genome):
        return {"flops": 1, "params": 1}


def test_a_space_without_a_supernet_is_refused_before_anything_is_written(tmp_path):
    evaluator = registry.load("evaluator", "supernet")
    evaluator.check(TinySpace())
    evaluator.check(Subspace(TinySpace(), {}))
    for space in (Separate(), Subspace(Separate(), {})):
        with pytest.raises(SpaceError, match="has no supernet; use another evaluator"):
            evaluator.check(space)
    spec = "tests.evaluators.test_supernet:Separate"
    with pytest.raises(SpaceError, match="has no supernet"):
        evo_nas.prepare(spec, "1G", data="digits?train=100&validation=50&test=50")


def test_shared_weights_to_start_from_are_copies_of_the_path(tmp_path):
    evaluator = opened(tmp_path)
    given = evaluator.initial_weights((2, 1))
    network = TinySpace().build((2, 1), tiny_context(tmp_path).geometry)
    network.load_state_dict(given)
    shared = evaluator._supernet.layers["first16"].net[0].weight
    assert torch.equal(network[1].net[0].weight, shared)
    given["1.net.0.weight"].zero_()
    assert shared.any()


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


@pytest.mark.parametrize("sharing", ["separate", "entangled"])
def test_the_plan_tells_the_weights_and_the_memory_of_their_training(sharing):
    space, recipe = registry.load("space", "glit_hl"), load_recipe("quick")
    geometry = replace(space.proxy(8, 1, 10), width=12)
    supernet = (space.entangled_supernet if sharing == "entangled" else space.supernet)(geometry)
    weights = sum(weight.numel() for weight in supernet.parameters())
    evaluator = registry.load("evaluator", f"supernet?sharing={sharing}")
    megabytes = f"{8 * 4 * weights / 2**20:,.0f} MB"  # AdamW: see training_memory
    assert evaluator.demand(space, geometry, recipe) == (
        f"{weights:,} shared weights, {sharing}, {megabytes} in training"
    )
    together = registry.load(
        "evaluator", f"together?first=supernet?sharing={sharing}&second=latency"
    )
    assert together.demand(space, geometry, recipe) == evaluator.demand(space, geometry, recipe)


def test_loss_ranks_where_it_is_asked_for_and_tells_its_halves(tmp_path):
    by_accuracy, by_loss = (
        opened(tmp_path, spec=spec) for spec in ("supernet", "supernet?rank=loss")
    )
    assert [o.name for o in by_accuracy.objectives] == ["accuracy", "loss"]
    assert [o.name for o in by_loss.objectives] == ["loss", "accuracy"]
    for (_, plain), (_, more) in zip(
        scores(by_accuracy).items(), scores(by_loss).items(), strict=True
    ):
        halves = more["loss_even"], more["loss_odd"]
        assert sum(halves) / 2 == pytest.approx(plain["loss"])
        assert more == {**plain, "loss_even": halves[0], "loss_odd": halves[1]}


def test_what_ranks_is_in_the_spec_of_a_prepared_run(tmp_path):
    recipe = tmp_path / "mine.toml"
    text = (files("evo_nas.training.recipes") / "quick.toml").read_text()
    for rank, spec in (("loss", "supernet?rank=loss"), ("accuracy", "supernet")):
        recipe.write_text(re.sub('^rank = ".*"', f'rank = "{rank}"', text, flags=re.MULTILINE))
        prepared = evo_nas.prepare("glit_hl", "1.4G", recipe=str(recipe), data="digits?train=100")
        assert prepared.config.evaluator == spec
    by_loss = replace(load_recipe("quick"), rank="loss")
    for given in ("supernet?rank=accuracy", "supernet?rank=loss", "zero_cost"):
        chosen = choose_plugins(
            make_options("glit_hl", strategy="random", evaluator=given), by_loss
        )
        assert chosen.evaluator.spec == given


@pytest.mark.slow
def test_any_number_of_processes_gives_the_same_scores_in_order(tmp_path):
    genomes = [(a, b) for a in range(3) for b in range(3)]
    alone = scores(opened(tmp_path / "one", jobs=1), genomes)
    together = scores(opened(tmp_path / "two", jobs=2), genomes)
    assert together == alone
    assert list(together) == list(range(9))


@pytest.mark.slow
def test_any_number_of_processes_trains_the_same_weights(tmp_path):
    recipe = load_recipe("quick")
    recipe = replace(recipe, supernet=replace(recipe.supernet, batch_size=16, shards=2))
    kept = []
    for jobs in (1, 2):
        ledger = Ledger()
        it = opened(tmp_path / str(jobs), jobs=jobs, recipe=recipe, ledger=ledger)
        kept.append((ledger, (tmp_path / str(jobs) / "supernet.safetensors").read_bytes()))
        it.close()
    assert kept[0] == kept[1]
    plain = opened(tmp_path / "plain", recipe=replace(
        recipe, supernet=replace(recipe.supernet, shards=1)
    ), ledger=(counted := Ledger()))  # fmt: skip
    plain.close()
    assert counted == kept[0][0]


def test_trained_weights_are_read_instead_of_trained_again(tmp_path):
    ledgers = Ledger(), Ledger()
    first = opened(tmp_path, ledger=ledgers[0])
    assert {path.name for path in tmp_path.iterdir()} == {"supernet.safetensors", "scores.sqlite"}
    again = opened(tmp_path, progress=Stopping(after=1), ledger=ledgers[1])
    assert scores(again) == scores(first)
    assert ledgers[0] == ledgers[1] == Ledger(2 * 96, 4 * (60 + 32))


def test_training_that_was_stopped_goes_on_exactly(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        opened(tmp_path / "stopped", progress=Stopping(after=1))
    resumed = opened(tmp_path / "stopped")
    whole = opened(tmp_path / "whole")
    trained = resumed._supernet.state_dict()
    assert all(torch.equal(t, trained[name]) for name, t in whole._supernet.state_dict().items())
    assert scores(resumed) == scores(whole)


def test_shared_weights_are_trained_on_augmented_images(tmp_path):
    pytest.importorskip("kornia", reason="RandAugment needs kornia")
    recipe, paper = tiny_context(tmp_path).recipe, load_recipe("paper").supernet
    shared = replace(
        recipe.supernet,
        augmentation=paper.augmentation,
        repeated_augmentation=paper.repeated_augmentation,
    )
    plain, ledger = opened(tmp_path / "plain"), Ledger()
    trained = opened(tmp_path / "new", recipe=replace(recipe, supernet=shared), ledger=ledger)
    assert ledger.trained == 2 * 96
    head = "head.weight"
    assert not torch.equal(trained._supernet.state_dict()[head], plain._supernet.state_dict()[head])


def test_another_seed_gives_other_weights_and_its_folder_is_not_mixed_up(tmp_path):
    first = opened(tmp_path / "a")
    other = opened(tmp_path / "b", streams=Streams(4))
    assert scores(first) != scores(other)
    with pytest.raises(CheckpointError, match="seed is '3' there, '4' here; delete the file"):
        opened(tmp_path / "a", streams=Streams(4))


def test_the_weights_and_scores_of_an_earlier_run_are_used_again(tmp_path, monkeypatch):
    ledgers = Ledger(), Ledger()
    expected = scores(opened(tmp_path / "run" / "a", ledger=ledgers[0]))
    scored = []

    def score(supernet, genomes, *arguments):
        scored.extend(genomes)
        return whole(supernet, genomes, *arguments)

    whole = path_workers.score
    monkeypatch.setattr(path_workers, "score", score)
    spec = f"supernet?run={tmp_path / 'run'}"
    later = opened(
        tmp_path / "b", spec, streams=Streams(9), progress=Stopping(after=1), ledger=ledgers[1]
    )
    assert scores(later) == expected
    assert scored == []
    assert ledgers[0] == ledgers[1]  # what the scores rest upon, not what was computed now
    assert list(later.evaluate_many([(1, 2), (0, 0)]))[1][1] == expected[GENOMES.index((0, 0))]
    assert scored == [(1, 2)]
    again = opened(tmp_path / "run" / "a")
    assert again.evaluate((1, 2)) == later.evaluate((1, 2))
    assert scored == [(1, 2)]
    assert not (tmp_path / "b" / "supernet.safetensors").exists()


def test_weights_of_another_subspace_or_of_other_images_are_not_used(tmp_path):
    opened(tmp_path / "run")
    said = Listener()
    spec = f"supernet?run={tmp_path / 'run'}"
    opened(tmp_path / "b", spec, Subspace(TinySpace(), {"first.inner": 8}), progress=said)
    opened(tmp_path / "c", spec, data=replace(tiny_data(), fingerprint="other"), progress=said)
    assert (tmp_path / "b" / "supernet.safetensors").exists()
    assert (tmp_path / "c" / "supernet.safetensors").exists()
    assert [message.partition(": ")[2] for message in said.heard] == [
        "new ones are trained", "new ones are trained",
    ]  # fmt: skip


def test_a_folder_without_shared_weights_is_refused(tmp_path):
    with pytest.raises(EvaluatorError, match="holds no shared weights"):
        registry.load("evaluator", f"supernet?run={tmp_path}")


def test_a_subspace_trains_only_what_it_reaches(tmp_path):
    space = Subspace(TinySpace(), {"first.inner": 8})
    evaluator = opened(tmp_path, space=space)
    initial = opened(tmp_path / "other", space=Subspace(TinySpace(), {"first.inner": 16}))
    trained = evaluator._supernet.state_dict()
    untouched = initial._supernet.state_dict()
    # Weights of paths that are never taken stay as they were: no decay, no momentum moves them.
    for width, same in ((8, False), (4, True)):
        name = f"layers.first{width}.net.0.weight"
        assert torch.equal(trained[name], untouched[name]) == same
    assert evaluator.evaluate((0,)) == scores(evaluator, [(1,), (0,)])[1]


def test_options_limit_the_images(tmp_path):
    ledger = Ledger()
    spec = "supernet?validation_images=10&calibration_images=16"
    evaluator = opened(tmp_path, spec, ledger=ledger)
    assert ledger == Ledger(trained=2 * 96)
    metrics = evaluator.evaluate((0, 0))
    assert round(metrics["accuracy"] * 10) == pytest.approx(metrics["accuracy"] * 10)
    assert ledger == Ledger(2 * 96, 26)


def test_shared_weights_that_diverged_and_recovered_say_so_whenever_they_are_used(tmp_path):
    def context(folder):
        tiny = tiny_context(folder, notes=[], progress=Listener())
        phase = replace(tiny.recipe.train, learning_rate=3.0)
        return replace(tiny, recipe=replace(tiny.recipe, supernet=phase))

    notes = []
    for folder, spec in (("a", "supernet"), ("a", "supernet"), ("b", f"supernet?run={tmp_path}")):
        evaluator, given = registry.load("evaluator", spec), context(tmp_path / folder)
        evaluator.open(TinySpace(), given)
        evaluator.close()
        notes.append(given.notes)
    assert notes[0] == notes[1] == notes[2]
    assert all("training shared weights: the loss became" in line for line in notes[0])
    assert 1 <= len(notes[0]) <= 3


def test_shared_weights_that_cannot_be_trained_stop_the_run(tmp_path):
    tiny = tiny_context(tmp_path)
    wild = replace(tiny.recipe.train, learning_rate=1e30)
    with pytest.raises(TrainingError, match=r"training shared weights: .*lower learning_rate"):
        opened(tmp_path, recipe=replace(tiny.recipe, supernet=wild))
    assert not (tmp_path / "supernet.safetensors").exists()


@pytest.mark.parametrize(
    ("together", "asked"), [(3, [4, 2, 2]), (1, [4, 2, 1, 1, 2, 1, 1]), (0, [4, 2, 1])]
)
def test_as_many_candidates_are_scored_together_as_fit(tmp_path, monkeypatch, together, asked):
    evaluator, sizes = opened(tmp_path), []
    expected, whole = evaluator._workers.score(GENOMES), path_workers.score

    def short(supernet, genomes, *arguments):
        sizes.append(len(genomes))
        if len(genomes) > together:
            raise torch.OutOfMemoryError("injected")
        return whole(supernet, genomes, *arguments)

    monkeypatch.setattr(path_workers, "score", short)
    if together:
        assert evaluator._workers.score(GENOMES) == list(expected)
    else:
        with pytest.raises(TrainingError, match="genome 0 0: a batch of images does not fit into"):
            evaluator._workers.score(GENOMES)
    assert sizes == asked


def test_a_path_without_numbers_fails_alone_and_is_not_kept(tmp_path):
    evaluator = opened(tmp_path)
    mended = opened(tmp_path)
    healthy = dict(outcomes(mended, [(2, 2)]))
    with torch.no_grad():
        evaluator._supernet.layers["first4"].net[0].weight.fill_(float("nan"))
    found = dict(outcomes(evaluator, [(0, 1), (2, 2)]))
    assert found[0] == Failure("the evaluator returned loss = nan, no finite number")
    assert found[1] == healthy[0]
    assert not isinstance(dict(outcomes(mended, [(0, 1)]))[0], Failure)


def test_a_damaged_score_is_computed_again_and_not_believed(tmp_path):
    first = opened(tmp_path)
    sound = scores(first)
    first.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "scores.sqlite")) as file, file:
        file.execute("UPDATE scores SET metrics = '{}' WHERE genome = '[0, 0]'")
    hearing = Listener()
    again = opened(tmp_path, progress=hearing)
    assert scores(again) == sound
    assert [m for m in hearing.heard if "1 of 4 scores are damaged" in m]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": "one"}, "seed in the metadata cannot be 'one'"),
        ({}, "lacks "),
    ],
)
def test_weights_of_a_run_that_cannot_be_used_are_named(tmp_path, change, said):
    opened(tmp_path / "run").close()
    path = tmp_path / "run" / "supernet.safetensors"
    metadata = read_metadata(path)
    del metadata["sha256"]
    tensors = load_weights(path) if change else {"other": torch.zeros(1)}
    save_weights(path, tensors, metadata | change)
    with pytest.raises(CheckpointError, match=rf"supernet\.safetensors:? {said}"):
        opened(tmp_path / "new", f"supernet?run={tmp_path / 'run'}")


SPACE = """
from tests.kit.tinyspace import TinySpace

class Mine(TinySpace):
    def __init__(self, *, power: int = 1) -> None:
        self.power = power
"""


@pytest.mark.parametrize("edited", [False, True])
@pytest.mark.parametrize("options", ["", "?power=2"])
def test_weights_of_other_code_of_a_space_are_not_used_by_later_runs(tmp_path, edited, options):
    file, listener = tmp_path / "space.py", Listener()
    file.write_text(SPACE)
    opened(tmp_path / "run", space=registry.load("space", f"{file}:Mine"))
    if edited:
        file.write_text(f"{SPACE}        # edited\n")
    space = registry.load("space", f"{file}:Mine{options}")
    spec = f"supernet?run={tmp_path / 'run'}"
    opened(tmp_path / "new", spec, space, progress=listener)
    same = not edited and not options
    assert (tmp_path / "new" / "supernet.safetensors").exists() is not same
    told = (
        f"{tmp_path / 'run' / 'supernet.safetensors'} is of other code of the space, and not used"
    )
    assert (told in listener.heard) is not same
    opened(tmp_path / "run", space=space)  # a run that goes on has been asked about its code
