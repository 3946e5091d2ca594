import copy

import pytest
import torch

from tests.kit.loading import draw, small, space


def parameters(module):
    return sum(weight.numel() for weight in module.parameters())


def test_sizes_at_the_target():
    glit = space()
    with torch.device("meta"):  # sizes need no memory
        flat = glit.supernet(glit.target)
        first = glit.stage(0)
        stages = [first, glit.stage(1, first.lift((0, 1, 2, 3) * 3))]
        sizes = [parameters(stage.supernet(glit.target)) for stage in stages]
    assert parameters(flat) == 67_612_840
    assert max(sizes) < 20_000_000


@pytest.mark.parametrize("name", ["glit_hl", "glit_local_attention", "glit_conv2d"])
def test_a_stage_holds_what_it_can_reach_and_no_more(name):
    glit = space(name)
    first = glit.stage(0)
    second = glit.stage(1, first.lift((0, 1, 2, 3) * 3))
    for stage in (first, second):
        supernet = stage.supernet(small(glit))
        used = set()
        values = [stage.slot_values(slot, ()) for slot in stage.slots]
        for row in zip(*values, strict=True):  # each block has as many
            genome = stage.lift([gene for value in row for gene in value])
            supernet.zero_grad()
            supernet.select(genome)
            supernet(torch.zeros(2, 1, 8, 8)).sum().backward()
            used |= {n for n, w in supernet.named_parameters() if w.grad is not None}
        assert used == {name for name, _ in supernet.named_parameters()}


def test_steps_are_finer_than_blocks():
    glit = space()
    steps = glit.supernet(small(glit)).steps(draw(glit, 0))
    assert len(steps) == 1 + 2 * 12 + 1


def test_a_copy_is_on_its_own():
    glit = space()
    stage = glit.stage(0)
    genome = stage.lift((2,) * 12)
    supernet = stage.supernet(small(glit)).eval()
    supernet.select(genome)
    images = torch.randn(2, 1, 8, 8)
    with torch.no_grad():
        expected = supernet(images)
        twin = copy.deepcopy(supernet)
        for weight in twin.parameters():
            weight.zero_()
        for net in (supernet, twin):
            net.select(genome)
        assert torch.equal(supernet(images), expected)
        assert not twin(images).any()
