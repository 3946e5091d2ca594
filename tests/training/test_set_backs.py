"""Trainings that diverge: where they go back to, how they go on, and when they give up."""

import math
import re
from dataclasses import replace

import pytest
import torch

from evo_nas.core.streams import Streams
from evo_nas.errors import EvaluatorError, TrainingError
from evo_nas.training.checkpoints import load_checkpoint, save_checkpoint
from evo_nas.training.loop import fit
from evo_nas.training.trainer import not_finite
from tests.kit.training import (
    ADAMW,
    BOTH,
    EVERYTHING,
    SGD,
    Epochs,
    StopError,
    new_branches,
    new_network,
    same,
    trained,
)

PHASE, ALL = replace(SGD, epochs=4), replace(EVERYTHING, epochs=4)  # epochs of 4 steps


class Poison:
    """Spoils a value of a network before some steps, each so many times; counted over restarts."""

    def __init__(self, network, places, what="rest.3.weight"):
        self.network, self.places, self.what, self.steps = network, dict(places), what, []

    def __call__(self, step):
        self.steps.append(step)
        if self.places.get(step, 0):
            self.places[step] -= 1
            self.network.state_dict()[self.what].view(-1)[0] = math.nan


def poisoned(batches, places, phase=PHASE, what="rest.3.weight", network=None, **options):
    network = network or new_network()
    poison, epochs = Poison(network, places, what), Epochs(options.pop("stop_after", None))
    trained(batches, phase, network, before_step=poison, progress=epochs, **options)
    return network, poison, epochs


@BOTH
def test_it_goes_back_to_the_last_good_epoch_at_half_the_rate(batches, phase):
    rates = []

    def after(epoch, network):
        rates.append(epoch.learning_rate)
        return ""

    phase = replace(phase, epochs=4)
    trained(batches, phase, after_epoch=after)
    network, poison, epochs = poisoned(batches, {5: 1}, phase, after_epoch=after)
    assert poison.steps == [*range(8), *range(4, 16)]  # the second epoch twice
    assert rates[4:] == [rates[0], *(rate / 2 for rate in rates[1:4])]
    assert epochs.done == [1, 1, 2, 3, 4]
    assert epochs.said == [
        "training: the loss became nan in epoch 2, step 2 of 4; it goes on from the end of epoch 1 "
        f"with half the learning rate, {phase.learning_rate / 2:.3g} at most (set back 1 of 3 "
        "times)"
    ]
    assert not_finite(network.state_dict()) == []


def test_going_back_is_exact(batches, tmp_path):
    """After it all is as if the rate had been lower from there on: averages and momentum, too."""
    network, path = new_branches(), tmp_path / "checkpoint"
    poisoned(batches, {9: 1}, ALL, network=network)
    with pytest.raises(StopError):
        trained(batches, ALL, new_branches(), checkpoint=path, progress=Epochs(stop_after=2))
    save_checkpoint(path, load_checkpoint(path) | {"set_backs": 1})
    assert same(trained(batches, ALL, new_branches(), checkpoint=path), network)


def test_the_first_epoch_goes_back_to_the_start(batches, tmp_path):
    start = new_network()
    network, poison, epochs = poisoned(batches, {0: 1}, checkpoint=tmp_path / "checkpoint")
    assert "it goes on from the start with half the learning rate, 0.025 at most" in epochs.said[0]
    assert poison.steps == [*range(4), *range(16)]
    assert not same(network, start)
    by_hand = trained(batches, replace(PHASE, learning_rate=PHASE.learning_rate / 2))
    assert same(network, by_hand)


def test_an_epoch_that_fails_again_means_the_start(batches):
    network, poison, epochs = poisoned(batches, {9: 2, 13: 1})
    assert poison.steps == [*range(12), *range(8, 12), *range(16), *range(12, 16)]
    places = [line.partition("goes on from ")[2].partition(" with")[0] for line in epochs.said]
    assert places == ["the end of epoch 2", "the start", "the end of epoch 3"]
    assert "0.00625 at most (set back 3 of 3 times)" in epochs.said[2]
    assert not_finite(network.state_dict()) == []


# Training does not read the statistic, and does not take the path.
@pytest.mark.parametrize("what", ["rest.0.running_var", "branches.1.bias"])
def test_what_the_loss_does_not_show_is_found_at_the_end_of_the_epoch(batches, what):
    network, poison, epochs = poisoned(batches, {6: 1}, what=what)
    assert poison.steps == [*range(8), *range(4, 16)]
    assert f"network.{what} was no longer finite at the end of epoch 2" in epochs.said[0]
    assert not_finite(network.state_dict()) == []


def test_gradients_that_overflow_the_optimizers_memory_are_found(batches):
    """Their squares are infinite, and AdamW would never move that weight again: in silence."""
    network = new_network()
    handles = []

    def before(step):
        for handle in handles:
            handle.remove()
        if step == 1 and not handles:
            weight = network.rest[3].weight
            handles.append(weight.register_hook(lambda gradient: gradient * 1e30))

    epochs = Epochs()
    trained(batches, ADAMW, network, before_step=before, progress=epochs)
    assert re.search(r"optimizer\.state\.\d+\.exp_avg_sq was no longer finite", epochs.said[0])


def test_buffers_that_never_were_finite_are_left_alone(batches):
    network = new_network()
    network.register_buffer("mask", torch.tensor([0.0, -math.inf]))
    trained(batches, SGD, network, progress=(epochs := Epochs()))
    assert epochs.said == []


def test_after_three_set_backs_it_gives_up_and_says_what_to_do(batches, tmp_path):
    message = (
        r"^mine: the loss became nan in epoch 2, step 1 of 4, although the learning rate had been "
        r"lowered 3 times, to 0\.00625 at most; in the recipe, lower learning_rate \(0\.05\), "
        r"lengthen warmup \(0\.0\) or set gradient_clip \(0\.0\)$"
    )
    checkpoint = tmp_path / "checkpoint"
    for attempts in (4, 1):  # a resumed training does not begin to count anew
        network = new_network()
        poison = Poison(network, {4: 9})
        with pytest.raises(TrainingError, match=message) as caught:
            trained(batches, PHASE, network, before_step=poison, checkpoint=checkpoint, what="mine")
        assert isinstance(caught.value, EvaluatorError)  # a candidate's failure, not the run's
        assert poison.steps.count(4) == attempts
        state = load_checkpoint(checkpoint)
        assert state["epoch"] == 1  # after the second failure from the start
        assert not_finite(state) == []


@pytest.mark.parametrize(
    ("places", "stop_after"), [({1: 1, 6: 1}, 0), ({1: 1, 6: 1}, 1), ({6: 2}, 1), ({6: 2}, 0)]
)
def test_stopped_after_a_set_back_it_goes_on_bit_for_bit(batches, tmp_path, places, stop_after):
    whole, _, heard = poisoned(batches, places, ALL, network=new_branches())
    checkpoint, stopped, network = tmp_path / "checkpoint", new_branches(), new_branches()
    poison, first, second = Poison(stopped, places), Epochs(stop_after), Epochs()
    with pytest.raises(StopError):
        trained(batches, ALL, stopped, before_step=poison, checkpoint=checkpoint, progress=first)
    poison.network = network
    options = {"before_step": poison, "checkpoint": checkpoint, "progress": second}
    notes = fit(network, batches, ALL, Streams(0), **options)
    assert same(network, whole)
    told = [line for line in first.said + second.said if "epochs are done" not in line]
    assert told == notes == heard.said
    assert len(notes) == 2


def test_killed_before_the_set_back_is_written_it_fails_again_in_the_same_way(batches, tmp_path):
    whole, _, _ = poisoned(batches, {6: 1}, ALL, network=new_branches())
    stopped = {"network": new_branches(), "checkpoint": tmp_path / "checkpoint"}

    def stop(step):
        if step == 5:  # while the second epoch runs
            raise StopError

    with pytest.raises(StopError):
        trained(batches, ALL, before_step=stop, **stopped)
    stopped["network"] = new_branches()
    network, poison, _ = poisoned(batches, {6: 1}, ALL, **stopped)
    assert poison.steps[:3] == [4, 5, 6]
    assert same(network, whole)
