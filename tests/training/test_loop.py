from copy import deepcopy
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.utils import parameters_to_vector

from evo_nas.errors import CheckpointError
from evo_nas.training.batches import Batches, measure
from evo_nas.training.checkpoints import load_checkpoint, save_checkpoint
from evo_nas.training.ledger import Ledger
from evo_nas.training.loop import images_trained
from evo_nas.training.recipe import Augmentation
from evo_nas.training.trainer import make_optimizer, set_learning_rate
from tests.kit.training import (
    ADAMW,
    BOTH,
    EVERYTHING,
    SGD,
    Epochs,
    new_branches,
    new_network,
    resumed,
    same,
    trained,
)


@BOTH
def test_it_learns(batches, phase):
    network = trained(batches, phase, epochs=15)
    result = measure(network, batches).metrics()
    assert result["accuracy"] > 0.8
    assert result["loss"] < measure(new_network(), batches).loss


@BOTH
@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_a_stopped_training_goes_on_bit_for_bit(batches, phase, epoch, tmp_path):
    network, epochs = resumed(batches, phase, new_network, tmp_path / "checkpoint", epoch)
    assert epochs.done == list(range(epoch, 4))
    assert same(network, trained(batches, phase))


@pytest.mark.parametrize("largest", [16, 5])
def test_with_deits_whole_recipe_it_goes_on_bit_for_bit(batches, largest, tmp_path):
    pytest.importorskip("kornia", reason="RandAugment needs kornia")
    checkpoint, make = tmp_path / "checkpoint", partial(new_branches, largest)
    whole = trained(batches, EVERYTHING, make())
    network, epochs = resumed(batches, EVERYTHING, make, checkpoint, 2)
    assert same(network, whole)
    assert not same(whole, new_branches())
    # That it goes on is said; the size of its micro-batches is not, because it is remembered.
    assert epochs.said == ["training: 2 of 3 epochs are done; it goes on from there"]
    assert load_checkpoint(checkpoint)["parts"] == (1 if largest == 16 else 4)


def test_a_path_is_selected_once_a_step_however_often_memory_fails(batches):
    steps, epochs = [], Epochs()
    phase = replace(SGD, epochs=2)
    trained(batches, phase, new_branches(4), before_step=steps.append, progress=epochs)
    assert steps == list(range(8))
    assert len(epochs.said) == 2  # halves, then quarters, in the first step


def test_averaged_weights_take_the_place_of_the_last_ones(batches):
    decay, history, told = 0.5, [], []
    network = new_network()

    def weights(network):
        return parameters_to_vector(network.parameters()).detach().clone()

    def before(step):
        history.append(weights(network))

    def after(epoch, averaged):
        history.append(weights(network))
        told.append(weights(averaged))
        return ""

    phase = replace(SGD, epochs=1, weight_average=decay)
    trained(batches, phase, network, before_step=before, after_epoch=after)
    expected = history[1]  # after the first step
    for later in history[2:]:
        expected = decay * expected + (1 - decay) * later
    assert torch.equal(weights(network), told[0])
    assert torch.allclose(weights(network), expected, atol=1e-6)
    assert not torch.equal(weights(network), history[-1])


def test_a_network_without_stochastic_depth_is_trained_and_told(batches):
    epochs = Epochs()
    phase = replace(SGD, stochastic_depth=0.1)
    assert same(trained(batches, phase, progress=epochs), trained(batches, SGD))
    assert epochs.said == ["this network knows no stochastic depth: it is trained without"]
    network = new_branches()
    trained(batches, phase, network)
    assert [drop.rate for drop in network.drops] == pytest.approx([0, 0.05, 0.1])


@pytest.fixture
def asked(monkeypatch):
    """The orders and crops that batches were asked for."""
    asked, epoch = [], Batches.epoch

    def listening(batches, order, seed=0, *, crop=None):
        asked.append((order, crop))
        return epoch(batches, order, seed, crop=crop)

    monkeypatch.setattr(Batches, "epoch", listening)
    return asked


def test_repeats_are_in_one_batch_and_an_epoch_is_as_long_as_without(batches, asked):
    phase = replace(SGD, epochs=2, repeated_augmentation=3)
    trained(batches, phase)
    first, second = (order for order, _ in asked)
    assert first.shape == (4, 16)
    assert first.numel() * 2 == images_trained(phase, 2, 70)
    assert not torch.equal(first, second)
    for batch in first:
        assert sorted(batch.unique(return_counts=True)[1].tolist()) == [2, 2, 3, 3, 3, 3]
    assert len(first.unique()) == 4 * 6  # no image is in two batches


def test_who_reads_images_is_asked_for_crops(batches, asked):
    trained(batches, replace(SGD, epochs=1, augmentation=Augmentation(crop_scale=0.08)))
    trained(batches, replace(SGD, epochs=1))
    assert [crop for _, crop in asked] == [(0.08, 1.0), None]


def test_epochs_are_told_with_their_figures(batches):
    told = []

    def after(epoch, network):
        told.append(epoch)
        return ""

    trained(batches, replace(ADAMW, learning_rate_floor=1e-4), after_epoch=after)
    assert [epoch.number for epoch in told] == [1, 2, 3]
    rates = [epoch.learning_rate for epoch in told]
    assert rates[0] > rates[1] > rates[2] > 1e-4
    assert all(0 < epoch.loss < 3 and epoch.images_per_second > 0 for epoch in told)


def test_the_global_random_stream_is_left_alone(batches):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    trained(batches, SGD)
    assert torch.equal(torch.rand(3), expected)


@BOTH
def test_weights_without_gradients_do_not_move(batches, phase):
    network = new_network()

    def choose(step):
        network.branch = 1

    trained(batches, replace(phase, epochs=1), network, before_step=choose)
    assert same(network.branches[0], new_network().branches[0])
    optimizer = make_optimizer(network, phase)
    for step in range(6):  # the first branch gathers momentum, then rests
        network.branch = int(step >= 3)
        optimizer.zero_grad(set_to_none=True)
        images, labels = next(batches.in_order(16))
        nn.functional.cross_entropy(network(images), labels).backward()
        optimizer.step()
        if step == 2:
            kept = deepcopy(network.branches[0])
    assert same(network.branches[0], kept)
    assert not same(kept, new_network().branches[0])


def test_adamw_decays_matrices_only():
    network = new_network()
    decayed, others = make_optimizer(network, ADAMW).param_groups
    assert [tuple(p.shape) for p in decayed["params"]] == [(8, 16), (8, 16), (2, 8)]
    assert decayed["weight_decay"] == 0.05
    assert others["weight_decay"] == 0
    assert any(p is network.cls_token for p in others["params"])
    assert len(others["params"]) == len(list(network.parameters())) - 3


def rates(phase, steps):
    optimizer = make_optimizer(new_network(), phase)
    for step in range(steps):
        set_learning_rate(optimizer, phase, step, steps)
        first, second = (group["lr"] for group in optimizer.param_groups)
        assert first == second
        yield first / phase.learning_rate


def test_the_rate_rises_and_falls():
    found = list(rates(ADAMW, 20))
    assert found[:5] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])
    assert found[12] == pytest.approx(0.5)
    assert found[4:] == sorted(found[4:], reverse=True)
    assert 0 < found[-1] < 0.02


def test_the_rate_starts_and_ends_where_the_recipe_says():
    found = list(rates(replace(ADAMW, warmup_start=1e-3, learning_rate_floor=2e-3), 200))
    assert found[0] == pytest.approx(0.2 + 0.8 / 40)
    assert max(found) == found[39] == pytest.approx(1)
    assert found[120] == pytest.approx((1 + 0.4) / 2)
    assert found[-1] == pytest.approx(0.4, rel=1e-3)


def test_every_epoch_has_another_order_and_a_whole_number_of_batches(batches, asked):
    trained(batches, SGD, epochs=2)
    first, second = (order for order, _ in asked)
    assert first.shape == second.shape == (4, 16)
    assert not torch.equal(first, second)
    assert images_trained(SGD, 2, len(batches)) == 2 * 64
    assert images_trained(SGD, 2, 10) == 20  # fewer than a batch: one smaller batch


def test_a_checkpoint_of_another_training_is_refused(batches, tmp_path):
    trained(batches, SGD, checkpoint=tmp_path / "checkpoint")
    with pytest.raises(CheckpointError, match=r"training: batch_size is 16 there, 8 here; delete"):
        trained(batches, replace(SGD, batch_size=8), checkpoint=tmp_path / "checkpoint")


def test_measuring_counts_and_splits(batches):
    ledger = Ledger()
    network = trained(batches, SGD)
    result = measure(network, batches, ledger)
    metrics = result.metrics()
    assert ledger == Ledger(trained=0, measured=70)
    assert not network.training
    even, odd, share = (metrics[f"accuracy{part}"] for part in ("_even", "_odd", ""))
    assert even == result.correct[::2].mean()
    assert share == pytest.approx((even + odd) / 2)
    assert metrics["standard_error"] == pytest.approx((share * (1 - share) / 70) ** 0.5)
    assert measure(network, batches).metrics() == metrics


@pytest.mark.parametrize(
    ("key", "value"),
    [("network", {}), ("network", None), ("optimizer", {"state": {}}), ("optimizer", []),
     ("identity", None), ("epoch", "x"), ("epoch", 10**30), ("epoch", -2), ("parts", None),
     ("parts", 0), ("parts", 17), ("set_backs", float("nan")), ("failed_after", []), ("notes", 3),
     ("notes", [3])],
)  # fmt: skip
def test_a_checkpoint_that_no_training_left_is_named(batches, tmp_path, key, value):
    path = tmp_path / "checkpoint"
    trained(batches, SGD, checkpoint=path)
    sound = load_checkpoint(path)
    without = {name: entry for name, entry in sound.items() if name != key}
    for state in [sound | {key: value}] + [without] * (key in ("network", "parts")):
        save_checkpoint(path, state)
        with pytest.raises(CheckpointError, match=r"checkpoint .*checkpoint .*; delete it"):
            trained(batches, SGD, checkpoint=path)
