from functools import partial

import pytest
import torch
from torch import nn

from evo_nas.evaluation.paths import score
from evo_nas.testing.networks import batch_norms
from tests.kit.loading import draw, module, narrow, small, space
from tests.kit.paths import images, pixels, prepared, shaken


@pytest.fixture(scope="module")
def mobile():
    return space("mobilenet")


def test_choices_of_a_stage_in_order(mobile):
    assert len(mobile.choices) == 5 * (1 + 4 * 2)
    assert [choice.name for choice in mobile.choices[9:13]] == [
        "stage2.depth", "stage2.block1.kernel", "stage2.block1.expansion", "stage2.block2.kernel",
    ]  # fmt: skip
    assert mobile.context == ()
    assert mobile.levels == (0,)
    values = mobile.slot_values("stage3", ())
    assert len(values) == 9**2 + 9**3 + 9**4
    assert mobile.slot_costs("stage3", ()).keys() == set(values)


@pytest.mark.parametrize("expansion", [3, 4, 6])
def test_parameters_by_hand(expansion, mobile):
    """The first block of the last stage, from 112 channels to 160, with a kernel of 5."""
    blocks = module("mobilenet.blocks")
    place = module("mobilenet.layout").Layout(mobile.target).place(4, 0)
    block = blocks.InvertedResidual(place, blocks.Options(5, expansion))
    inside = 112 * expansion
    squeezed = inside // 4
    weights = inside * (112 + 5 * 5 + 160) + 2 * inside * squeezed
    others = 2 * (inside + inside + 160) + squeezed + inside  # BatchNorm, biases
    assert sum(weight.numel() for weight in block.parameters()) == weights + others


@pytest.mark.parametrize(
    ("image_size", "strides", "last"),
    [
        (8, [1, 1, 1, 1, 1, 2], 4),
        (28, [1, 1, 1, 2, 1, 2], 7),
        (32, [1, 1, 2, 2, 1, 2], 4),
        (127, [1, 2, 2, 2, 1, 2], 8),
        (128, [2, 2, 2, 2, 1, 2], 4),
        (224, [2, 2, 2, 2, 1, 2], 7),
    ],
)
def test_small_images_are_halved_fewer_times(image_size, strides, last, mobile):
    layout = module("mobilenet.layout").Layout(mobile.proxy(image_size, 1, 10))
    assert layout.strides == strides
    assert layout.size(5) == last
    network = mobile.build(draw(mobile, 1), layout.geometry).eval()
    seen = []
    network[-1].widen.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape[-1]))
    with torch.no_grad():
        assert network(torch.zeros(1, 1, image_size, image_size)).shape == (1, 10)
    assert seen == [last]


def test_channels_follow_the_width(mobile):
    layout = module("mobilenet.layout").Layout
    assert layout(mobile.target).channels == [16, 24, 40, 80, 112, 160]
    assert layout(mobile.proxy(8, 1, 10)).channels == [4, 6, 10, 20, 28, 40]


def test_a_supernet_holds_what_can_be_reached_and_no_more(mobile):
    searched = narrow(mobile)
    supernet = searched.supernet(small(searched))
    assert len(supernet.blocks) == 5 * 4 * 3  # kernels of one expansion
    used = set()
    for kernel in range(3):
        genome = [2, *[kernel] * 4] * 5
        supernet.zero_grad()
        supernet.select(searched.lift(genome))
        supernet(torch.randn(4, 1, 8, 8)).sum().backward()
        used |= {name for name, w in supernet.named_parameters() if w.grad is not None}
    assert used == {name for name, _ in supernet.named_parameters()}


def test_a_calibrated_path_is_the_stand_alone_network_calibrated(mobile):
    """The engine's statistics of a path are those that its network has of the same images."""
    searched = narrow(mobile)
    supernet = shaken(searched.supernet(small(searched)))
    genome = searched.lift(draw(searched, 1))
    calibration = pixels(64)
    run = partial(score, validation=images(), calibration=calibration, prepare=prepared)
    (metrics,) = run(supernet, [genome])
    network = mobile.build(genome, small(searched))
    network.load_state_dict(supernet.extract(genome))
    for norm in batch_norms(network):
        norm.momentum = 1.0
    with torch.no_grad():
        network.train()(prepared(calibration))
        logits = network.eval()(prepared(images().pixels))
    loss = nn.functional.cross_entropy(logits, images().labels)
    assert metrics["loss"] == pytest.approx(loss.item(), rel=1e-4)
    # Uncalibrated, it is another: the statistics that it was given are not those of the images.
    network.load_state_dict(supernet.extract(genome))
    with torch.no_grad():
        uncalibrated = network(prepared(images().pixels))
    assert not torch.allclose(logits, uncalibrated, rtol=0, atol=1e-2 * logits.std().item())


def test_picture(mobile):
    genome = draw(mobile, 2)
    boxes = mobile.picture(genome)
    stages = mobile.stages(genome)
    assert len(boxes) == sum(map(len, stages))
    assert boxes[0].title == "1.1"
    assert boxes[0].lines == (f"K{stages[0][0].kernel}", f"E{stages[0][0].expansion}")
