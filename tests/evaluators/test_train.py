import json
from contextlib import closing
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from evo_nas.core.plugins import registry
from evo_nas.core.streams import Streams
from evo_nas.errors import CheckpointError, TrainingError
from evo_nas.evaluation.dispatch import AtWork
from evo_nas.space.network import UNKNOWN
from evo_nas.training.ledger import Ledger
from evo_nas.training.recipe import Phase, load_recipe
from evo_nas.training.teachers.teacher import find_teacher
from evo_nas.training.weights import read_metadata
from tests.kit.runs import Listener
from tests.kit.teachers import write_teacher
from tests.kit.tinyspace import TinySpace, tiny_context

GENOMES = [(0, 0), (2, 1), (1, 1)]


def opened(folder, **changes):
    evaluator = registry.load("evaluator", "train")
    evaluator.open(TinySpace(), tiny_context(folder, **changes))
    return evaluator


def trained(context, genomes):
    """What the engine makes of them, in as many processes as the context has jobs.

    The context counts and notes what answers say, as it does of an evaluator in this process.
    """
    space, results = registry.load("space", "tests.kit.tinyspace:TinySpace"), {}
    with closing(AtWork(registry.load("evaluator", "train"), space, context)) as work:
        for at, answer in work.answers(genomes):
            context.add(answer.images, answer.notes)
            results[at] = answer.outcome
    return results


def test_trains_and_keeps_the_weights(tmp_path):
    ledger = Ledger()
    evaluator = opened(tmp_path, ledger=ledger)
    assert evaluator.weights((0, 0)) is None
    results = dict(evaluator.evaluate_many(GENOMES))
    assert sorted(results) == [0, 1, 2]
    assert all(m["accuracy"] > 0.4 for m in results.values())  # chance is 1/3
    assert {"loss", "standard_error", "accuracy_even", "accuracy_odd"} <= results[0].keys()
    network = TinySpace().build((2, 1), tiny_context(tmp_path).geometry)
    network.load_state_dict(load_file(evaluator.weights((2, 1))))
    assert len(list(tmp_path.iterdir())) == 3  # no checkpoint is left
    assert ledger == Ledger(3 * 2 * 96, 3 * 60)


@pytest.mark.slow
def test_results_do_not_depend_on_threads_company_or_earlier_work(tmp_path):
    alone = opened(tmp_path / "alone", jobs=1).evaluate((2, 1))
    context = tiny_context(tmp_path / "workers", jobs=2)
    together = trained(context, GENOMES)
    assert together[1] == alone
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "workers").iterdir()}
    assert len(files) == 3
    assert trained(context, GENOMES) == together  # measured again, not trained
    assert {path: path.stat().st_mtime_ns for path in files} == files


def test_a_training_in_parts_leaves_what_a_whole_one_does(tmp_path):
    phase = replace(tiny_context(tmp_path).recipe.train, weight_average=0.9)
    given = {"epochs": 4, "recipe": replace(tiny_context(tmp_path).recipe, train=phase)}
    whole, parts = Ledger(), Ledger()
    plain = opened(tmp_path / "whole", ledger=whole, **given)
    metrics = plain.evaluate((2, 1))
    told = Listener()
    reached = []
    for begin, end in ((0, 1), (1, 2), (2, 4)):  # as after a stop, each time in a new process
        evaluator = opened(tmp_path / "parts", ledger=parts, progress=told, **given)
        reached.append(evaluator.evaluate_part((2, 1), begin, end))
        assert parts.trained == 96 * end
        assert (evaluator.weights((2, 1)) is None) == (end < 4)
    assert reached[2] == metrics
    assert reached[0] != reached[1] != metrics
    assert told.heard == []
    assert parts == Ledger(whole.trained, 3 * whole.measured)
    assert evaluator.weights((2, 1)).read_bytes() == plain.weights((2, 1)).read_bytes()
    assert not list(tmp_path.rglob("*.checkpoint*"))
    # Asked again, as a run does whose last records were lost: nothing is trained again.
    before = parts.trained
    assert evaluator.evaluate_part((2, 1), 1, 2) == reached[1]
    assert parts.trained == before + 96


def test_a_genome_and_a_seed_have_initial_weights_of_their_own(tmp_path):
    first = opened(tmp_path / "a").evaluate((1, 1))
    assert opened(tmp_path / "b", streams=Streams(8)).evaluate((1, 1)) != first


def test_networks_start_from_the_weights_that_are_offered(tmp_path):
    space, context = TinySpace(), tiny_context(tmp_path)
    given = {genome: space.build(genome, context.geometry).state_dict() for genome in GENOMES}
    still = Phase("sgd", epochs=1, batch_size=96, learning_rate=1e-12, weight_decay=0)
    recipe = type(context.recipe)("still", still, still)
    evaluator = opened(tmp_path, recipe=recipe, initial_weights=given.__getitem__)
    results = dict(evaluator.evaluate_many(GENOMES))
    assert len(results) == 3
    for genome in GENOMES:
        trained = load_file(evaluator.weights(genome))
        for name, weight in given[genome].items():
            if "running" not in name and "batches" not in name:
                torch.testing.assert_close(trained[name], weight, atol=1e-6, rtol=0)
    # A recipe may have a phase of its own for them, that of training from scratch is left alone.
    own = replace(recipe, train=context.recipe.train, finetune=still)
    again = opened(tmp_path / "own", recipe=own, initial_weights=given.__getitem__)
    assert again.evaluate(GENOMES[0]) == results[0]
    with pytest.raises(
        CheckpointError, match="belong to another training"
    ):  # not taken for weights from scratch
        opened(tmp_path, recipe=recipe).evaluate(GENOMES[0])


def deit(folder, **changes):
    """A context with the whole of DeiT's recipe, for few images and epochs."""
    context = tiny_context(folder, **changes)
    train = replace(load_recipe("deit").train, epochs=2, batch_size=16, weight_average=0.9)
    return replace(context, recipe=replace(context.recipe, train=train))


@pytest.mark.slow
def test_deits_recipe_trains_finalists_in_workers_and_is_named_in_their_weights(tmp_path):
    pytest.importorskip("kornia", reason="RandAugment needs kornia")
    progress, results = Listener(), []
    for jobs in (1, 2):
        context = deit(tmp_path / str(jobs), jobs=jobs, ledger=Ledger(), progress=progress)
        results.append(trained(context, GENOMES))
        assert context.ledger == Ledger(3 * 2 * 96, 3 * 60)
    evaluator = registry.load("evaluator", "train")
    evaluator.open(TinySpace(), context)
    assert results[0] == results[1]
    assert progress.heard == [UNKNOWN] * 2  # once by each evaluator
    training = read_metadata(evaluator.weights((2, 1)))["training"]
    assert training == f"{context.recipe.train.identity}, 2 epochs"
    assert "cutmix=1.0" in training
    other = registry.load("evaluator", "train")
    phase = replace(context.recipe.train, gradient_clip=1.0)
    other.open(TinySpace(), replace(context, recipe=replace(context.recipe, train=phase)))
    with pytest.raises(CheckpointError, match=r"belong to another training: training is .*clip"):
        other.evaluate((2, 1))


def unstable(folder, rate, **changes):
    context = tiny_context(folder, notes=[], **changes)
    return replace(
        context, recipe=replace(context.recipe, train=replace(context.recipe.train,
                                                              learning_rate=rate))
    )  # fmt: skip


@pytest.mark.slow
def test_a_training_that_diverged_and_recovered_is_told_by_whoever_trains_it(tmp_path):
    noted = []
    for jobs in (1, 2, 1):
        context = unstable(tmp_path / str(jobs), 2.5, jobs=jobs, progress=Listener())
        results = trained(context, GENOMES)
        assert all(m["accuracy"] > 0.4 for m in results.values())
        told = sorted(line for line in context.progress.heard)
        assert told == sorted(set(context.notes))
        noted.append((told, results))
    assert noted[0] == noted[1] == noted[2]  # the last was not trained again, but measured
    assert all("with half the learning rate" in line for line in told)
    assert len(told) >= 1


def test_a_network_that_cannot_be_trained_costs_the_others_nothing(tmp_path):
    context = unstable(tmp_path, 1e30)
    evaluator = registry.load("evaluator", "train")
    evaluator.open(TinySpace(), context)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == []
    with pytest.raises(TrainingError, match="training genome 0 0: the loss became nan"):
        evaluator.evaluate((0, 0))
    assert evaluator.weights((0, 0)) is None
    evaluator = registry.load("evaluator", "train")
    evaluator.open(TinySpace(), replace(tiny_context(tmp_path), notes=[]))
    assert evaluator.evaluate((2, 1))["accuracy"] > 0.4


def taught(folder, teacher, **changes):
    """A context whose finalists learn from a teacher."""
    context = tiny_context(folder, **changes)
    train = replace(context.recipe.train, teacher=str(teacher), distillation="soft")
    train, _ = find_teacher(train, context.data, context.geometry.image_size)
    return replace(context, recipe=replace(context.recipe, train=train))


def test_a_teacher_is_counted_and_told_in_the_weights(tmp_path):
    ledger, space = Ledger(), TinySpace()
    teacher = write_teacher(tmp_path / "teacher.safetensors")
    evaluator = registry.load("evaluator", "train")
    context = taught(tmp_path / "taught", teacher, ledger=ledger)
    evaluator.open(space, context)
    metrics = evaluator.evaluate((2, 1))
    assert ledger == Ledger(2 * 96, 60 + 2 * 96)
    assert metrics != opened(tmp_path / "alone").evaluate((2, 1))
    told = read_metadata(evaluator.weights((2, 1)))
    assert json.loads(told["teaching"]) == context.recipe.train.teaching
    assert f"teacher_digest='{context.recipe.train.teacher_digest}'" in told["training"]
    write_teacher(teacher, seed=2)  # in its place
    assert evaluator.evaluate((2, 1)) == metrics  # trained before: only measured


@pytest.mark.slow
def test_teachers_teach_in_worker_processes_as_here(tmp_path):
    teacher, results = write_teacher(tmp_path / "teacher.safetensors"), []
    for jobs in (1, 2):
        context = taught(tmp_path / str(jobs), teacher, jobs=jobs, ledger=Ledger())
        results.append(trained(context, GENOMES))
        assert context.ledger == Ledger(3 * 2 * 96, 3 * (60 + 2 * 96))
    assert results[0] == results[1]
