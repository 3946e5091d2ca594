"""Steps in micro-batches: the same gradients, one path, and what is said when memory is short."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from evo_nas.errors import EvaluatorError
from evo_nas.training.augmentation.mixup import Batch
from evo_nas.training.batches import seeded_weights
from evo_nas.training.recipe import Phase
from evo_nas.training.step import Stepper
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


def stepped(network, parts=1, phase=PHASE):
    said = []
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    step = Stepper(network, optimizer, phase, said.append)
    step.parts = parts
    torch.manual_seed(3)
    losses = [float(step(batch)) for batch in batches()]
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
