"""Shares of shards, added up in the order of shards."""

import itertools

import torch
from torch import nn

from evo_nas.training.augmentation.mixup import Batch
from evo_nas.training.steps.gradients import Propagation, Shard, Share, Total
from tests.kit.training import ADAMW, new_network


def shares():
    """Of two weights, the second of which has no gradient in the first shard."""
    generator = torch.Generator().manual_seed(0)
    drawn = [torch.randn(3, 50, generator=generator) for _ in range(3)]
    return [
        Share(each[0, 0], [each[1].clone(), each[2].clone() if number else None, None])
        for number, each in enumerate(drawn)
    ]


def test_any_order_of_arrival_gives_the_sum_in_order():
    first, second, third = shares()
    expected = (first.gradients[0] + second.gradients[0]) + third.gradients[0]
    other = second.gradients[1] + third.gradients[1]
    assert not torch.equal(
        expected, first.gradients[0] + (second.gradients[0] + third.gradients[0])
    )
    for order in itertools.permutations(range(3)):
        total, arrived = Total(), shares()
        for number in order:
            total.add(number, arrived[number])
        assert torch.equal(total.loss, (first.loss + second.loss) + third.loss)
        assert torch.equal(total.gradients[0], expected)
        assert torch.equal(total.gradients[1], other)
        assert total.gradients[2] is None
        assert torch.equal(arrived[1].gradients[1], second.gradients[1]), "its place is another's"


def test_a_share_leaves_no_gradients_and_the_global_stream():
    network = new_network()
    images, labels = torch.randn(6, 1, 4, 4), torch.arange(6) % 2
    shard = Shard(Batch(images, labels), 12, (), 1, seed=4)
    stream = torch.get_rng_state()
    share = Propagation(network, ADAMW).share(shard)
    assert torch.equal(torch.get_rng_state(), stream)
    assert all(weight.grad is None for weight in network.parameters())
    assert [gradient is None for gradient in share.gradients].count(True) == 2  # of a branch
    torch.manual_seed(4)
    again = nn.functional.cross_entropy(network(images), labels, label_smoothing=0.1) * (6 / 12)
    assert torch.equal(share.loss, again.detach())
