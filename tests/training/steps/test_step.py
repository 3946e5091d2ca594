"""Steps in micro-batches: the same gradients, one path, and what is said when memory is short."""

from dataclasses import replace
from functools import partial
from operator import methodcaller

import pytest
import torch
from torch import nn
from torch.nn import functional

from evo_nas.errors import EvaluatorError
from evo_nas.training.augmentation.mixup import Batch
from evo_nas.training.batches import seeded_weights
from evo_nas.training.recipe import Phase
from evo_nas.training.steps.step import Stepper
from tests.kit.training import same

PHASE = Phase("sgd", 1, 12, 0.1, 0.0, label_smoothing=0.1)


class Net(nn.Module):
    """With dropout; its memory holds ``largest`` images. ``after`` fails later in the pass."""

    def __init__(self, largest=100, after=False, norm=False):
        super().__init__()
        with seeded_weights(0):
            middle = nn.BatchNorm1d(8) if norm else nn.Identity()
            self.layers = nn.Sequential(
                nn.Flatten(), nn.Linear(16, 8), middle, nn.Dropout(0.3), nn.Linear(8, 3)
            )
        self.largest, self.after, self.sizes = largest, after, []

    def forward(self, images):
        self.sizes.append(len(images))
        out = self.layers(images) if self.after else None
        if len(images) > self.largest:
            raise torch.OutOfMemoryError("injected")
        return self.layers(images) if out is None else out


def batches(count=3, size=12):
    generator = torch.Generator().manual_seed(1)
    for _ in range(count):
        images = torch.randn(size, 1, 4, 4, generator=generator)
        yield Batch(images, torch.arange(size) % 3, torch.arange(size).flip(0) % 3, 0.7)


def stepped(network, parts=1, phase=PHASE, paths=()):
    said = []
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    step = Stepper(network, optimizer, phase, said.append)
    step.parts = parts
    torch.manual_seed(3)
    losses = [float(step(batch, paths)) for batch in batches()]
    return step, losses, said


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("largest", "parts", "norm"),
    [(6, 2, False), (6, 2, True), (5, 4, True), (3, 4, True), (1, 12, False)],
)
def test_out_of_memory_is_plain_accumulation_bit_for_bit(largest, parts, after, norm):
    short, plain = Net(largest, after, norm), Net(norm=norm)
    step, losses, _ = stepped(short)
    _, expected, silent = stepped(plain, parts)
    assert step.parts == parts
    assert losses == expected
    assert same(short, plain)
    assert silent == []
    assert short.sizes[-parts:] == plain.sizes[-parts:]
    assert max(short.sizes[-parts:]) <= largest


def test_without_dropout_and_batch_norm_parts_change_nothing_but_rounding():
    whole, cut = Net(), Net()
    for network in (whole, cut):
        network.layers[3] = nn.Identity()
    _, losses, _ = stepped(whole)
    _, others, _ = stepped(cut, 5)
    assert others == pytest.approx(losses, rel=1e-5)
    pairs = zip(whole.parameters(), cut.parameters(), strict=True)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in pairs)


class Paths(Net):
    """Three heads, of which one is taken."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        with seeded_weights(1):
            self.heads = nn.ModuleList(nn.Linear(3, 3) for _ in range(3))
        self.taken = None

    def take(self, head):
        self.taken = head

    def select(self, *heads):
        return [methodcaller("take", head) for head in heads]

    def forward(self, images):
        return self.heads[self.taken](super().forward(images))


def plain_paths():
    network = Paths()
    network.layers[3] = nn.Identity()
    return network


def test_the_first_path_learns_from_labels_and_the_others_from_it():
    network, by_hand = plain_paths(), plain_paths()
    step = Stepper(network, torch.optim.SGD(network.parameters(), lr=0.1), PHASE, print)
    batch = next(batches())
    loss = step(batch, network.select(2, 0, 0))
    by_hand.take(2)
    first = by_hand(batch.images)
    by_hand.take(0)
    learned, taught = by_hand(batch.images).log_softmax(1), first.detach().softmax(1)
    other = functional.kl_div(learned, taught, reduction="batchmean")
    labels = batch.loss(first, PHASE)
    total = labels + 2 * other
    total.backward()  # added up, not averaged
    assert float(loss) == pytest.approx(total.item() / 3)
    for mine, expected in zip(network.parameters(), by_hand.parameters(), strict=True):
        assert (mine.grad is None) == (expected.grad is None)
        assert mine.grad is None or torch.allclose(mine.grad, expected.grad, atol=1e-6)
    assert network.heads[1].weight.grad is None  # no path has taken it


SHARDED = replace(PHASE, shards=3)


def by_hand(network, batch, seeds):
    """The gradients, loss and statistics of a step in shards, with plain PyTorch."""
    before = [buffer.clone() for buffer in network.buffers()]
    gradients, losses, after = [], [], []
    for part, seed in zip(batch.split(3), seeds, strict=True):
        for buffer, value in zip(network.buffers(), before, strict=True):
            buffer.copy_(value)
        network.zero_grad()
        torch.manual_seed(seed)
        loss = part.loss(network(part.images), PHASE) * (len(part) / len(batch))
        loss.backward()
        gradients.append([weight.grad for weight in network.parameters()])
        losses.append(loss.detach())
        after.append([buffer.clone() for buffer in network.buffers()])
    first, second, third = gradients
    total = [(a + b) + c for a, b, c in zip(first, second, third, strict=True)]
    return total, (losses[0] + losses[1]) + losses[2], after


def test_shards_are_propagated_alone_and_added_up_in_their_order():
    network, other = Net(norm=True), Net(norm=True)
    batch = next(batches())
    step = Stepper(
        network, torch.optim.SGD(network.parameters(), lr=0.1), SHARDED, print,
        lambda number, shard: 10 * number + shard,
    )  # fmt: skip
    stream = torch.get_rng_state()
    loss = step(batch, number=7)
    assert torch.equal(torch.get_rng_state(), stream), "dropout draws from a shard's own stream"
    gradients, expected, after = by_hand(other, batch, (70, 71, 72))
    assert torch.equal(loss, expected)
    for weight, gradient in zip(network.parameters(), gradients, strict=True):
        assert torch.equal(weight.grad, gradient)
    mean, variance, seen = network.buffers()
    assert torch.equal(mean, (after[0][0] + after[1][0] + after[2][0]) / 3)
    assert torch.equal(variance, (after[0][1] + after[1][1] + after[2][1]) / 3)
    assert int(seen) == 1


def test_shards_may_have_paths_of_their_own():
    network, plain = Paths(), Paths()
    for each in (network, plain):
        each.layers[3] = nn.Identity()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    batch = next(batches())
    loss = Stepper(network, optimizer, replace(SHARDED, own_paths=True), print)(
        batch, network.select(2, 0, 2)
    )
    expected = 0
    for head, part in zip((2, 0, 2), batch.split(3), strict=True):
        plain.take(head)
        expected = expected + part.loss(plain(part.images), PHASE) / 3
    expected.backward()
    assert float(loss) == pytest.approx(expected.item())
    for mine, other in zip(network.parameters(), plain.parameters(), strict=True):
        assert (mine.grad is None) == (other.grad is None)
        assert mine.grad is None or torch.allclose(mine.grad, other.grad, atol=1e-6)
    assert network.heads[1].weight.grad is None  # no shard has taken it


def test_counts_of_what_one_shard_took_are_its_own():
    network = Paths()
    network.heads = nn.ModuleList(nn.Sequential(nn.BatchNorm1d(3)) for _ in range(3))
    stepped(network, phase=replace(SHARDED, own_paths=True), paths=network.select(0, 2, 2))
    assert [int(head[0].num_batches_tracked) for head in network.heads] == [3, 0, 3]


def test_statistics_that_no_shard_changed_stay_to_the_last_bit():
    network = Paths(norm=True)
    network.register_buffer("rest", torch.rand(50))
    network.register_buffer("mask", torch.tensor([0.0, -torch.inf]))
    before = network.rest.clone()
    stepped(network, phase=SHARDED, paths=network.select(1))
    assert torch.equal(network.rest, before)
    assert network.mask.tolist() == [0, -torch.inf]


@pytest.mark.parametrize("largest", [2, 1])
def test_shards_that_do_not_fit_are_cut_again(largest):
    short, plain = Paths(largest), Paths()
    step, losses, _ = stepped(short, phase=SHARDED, paths=short.select(2, 0))
    _, expected, _ = stepped(plain, 4 // largest, SHARDED, plain.select(2, 0))
    assert step.parts == 4 // largest
    assert losses == expected
    assert same(short, plain)


def test_a_batch_smaller_than_the_recipes_has_fewer_shards():
    few, plain = Net(norm=True), Net(norm=True)
    assert replace(PHASE, shards=6).shards_of(5) == 2
    assert replace(PHASE, shards=6).shards_of(1) == 1
    small = next(batches(size=3))
    for network, phase in ((few, SHARDED), (plain, PHASE)):
        network.layers[3] = nn.Identity()
        Stepper(network, torch.optim.SGD(network.parameters(), lr=0.1), phase, print)(small)
    assert same(few, plain)


def test_batches_of_any_size_may_follow_each_other():
    turns = [next(batches(size=size)) for size in (3, 12, 4)]
    mixed, plain = Net(norm=True), Net(norm=True)
    for network, again in ((mixed, False), (plain, True)):
        network.layers[3] = nn.Identity()
        make = partial(torch.optim.SGD, list(network.parameters()), lr=0.1)
        step = Stepper(network, make(), SHARDED, print)
        for batch in turns:
            (Stepper(network, make(), SHARDED, print) if again else step)(batch)
    assert same(mixed, plain)


def test_one_path_is_a_step_as_ever():
    alone, selected = Paths(), Paths()
    alone.take(1)
    assert stepped(alone)[1] == stepped(selected, paths=selected.select(1))[1]
    assert same(alone, selected)


@pytest.mark.parametrize("largest", [6, 5])
def test_out_of_memory_in_any_path_is_plain_accumulation_bit_for_bit(largest):
    class Later(Paths):
        """Only the last path does not fit."""

        def take(self, head):
            super().take(head)
            self.largest = largest if head == 1 else 100

    short, plain = Later(norm=True, after=True), Paths(norm=True)
    step, losses, _ = stepped(short, paths=short.select(2, 0, 1))
    _, expected, _ = stepped(plain, step.parts, paths=plain.select(2, 0, 1))
    assert step.parts == {6: 2, 5: 4}[largest]
    assert losses == expected
    assert same(short, plain)


def test_it_is_said_once_with_the_size_and_what_batch_norm_sees():
    _, _, (said,) = stepped(Net(largest=6))
    assert "12 images takes 2 micro-batches of at most 6; BatchNorm layers see only those" in said


def test_a_single_image_that_does_not_fit_is_an_error():
    with pytest.raises(EvaluatorError, match=r"single image .* memory of cpu; choose a narrower"):
        stepped(Net(largest=0))


def test_gradients_are_clipped_to_the_norm_of_all_together():
    network = Net()
    stepped(network, phase=replace(PHASE, gradient_clip=1e-3))
    norms = torch.stack([p.grad.norm() for p in network.parameters()])
    assert float(norms.norm()) == pytest.approx(1e-3, rel=1e-2)
