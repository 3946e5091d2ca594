import copy
from functools import partial

import pytest
import torch
from torch import nn

from evo_nas.data.images import Images, prepare
from evo_nas.evaluation.paths import score
from tests.kit.loading import draw, small, space


def parameters(module):
    return sum(weight.numel() for weight in module.parameters())


def shaken(supernet):
    """Give every weight and statistic a value of its own, so that mixing any up shows."""
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in supernet.parameters():
            weight.add_(torch.randn_like(weight) * 0.05)
    for norm in supernet.modules():
        if isinstance(norm, nn.BatchNorm1d):
            norm.running_mean.normal_(0, 0.3)
            norm.running_var.uniform_(0.5, 2)
            norm.num_batches_tracked += 3
    return supernet.eval()


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


@pytest.mark.parametrize("name", ["glit_hl", "glit_local_attention", "glit_conv2d"])
def test_steps_are_finer_than_blocks_and_their_keys_tell_all(name):
    glit = space(name)
    supernet = glit.supernet(small(glit))
    images = torch.randn(2, 1, 8, 8)
    known = {}
    for seed in range(4):
        genome = draw(glit, seed)
        steps = supernet.eval().steps(genome)
        assert len(steps) == 1 + 2 * 12 + 1
        hidden = images
        history = ()
        with torch.no_grad():
            for step in steps:
                hidden = step.run(hidden)
                history = (*history, step.key)
                assert torch.equal(known.setdefault(history, hidden), hidden)
        inside = {norm for step in steps for norm in step.batch_norms}
        with_local = [h for key, h in glit.options(genome).items() if key.endswith("heads")]
        normalised = sum(heads < 3 for heads in with_local) if "attention" not in name else 0
        assert len(inside) == normalised


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


@pytest.mark.parametrize("name", ["glit_hl", "glit_local_attention", "glit_conv2d"])
def test_scores_do_not_depend_on_company(name):
    glit = space(name)
    stage = glit.stage(0)
    supernet = shaken(stage.supernet(small(glit)))
    source = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (60, 1, 8, 8), dtype=torch.uint8, generator=source)
    images = Images(pixels[:40], torch.arange(40) % 10)
    prepared = partial(prepare, mean=(0.5,), std=(0.3,), size=8)
    genomes = [stage.lift((1,) * i + (3, 0, 2, 1)[: 12 - i] + (2,) * (8 - i)) for i in range(9)]
    genomes += [stage.lift(draw(stage, seed)) for seed in range(3)]
    run = partial(score, validation=images, calibration=pixels[40:], prepare=prepared)
    together = run(supernet, genomes)
    alone = [run(supernet, [genome])[0] for genome in genomes]
    assert list(together) == alone


def test_it_can_move_and_train():
    glit = space()
    stage = glit.stage(0)
    supernet = stage.supernet(small(glit))
    supernet.select(stage.lift((2,) * 12))
    supernet.double()  # a path that was asked for before moves along
    images = torch.randn(4, 1, 8, 8, dtype=torch.float64)
    loss = nn.functional.cross_entropy(supernet(images), torch.tensor([0, 1, 2, 3]))
    loss.backward()
    gradients = [w.grad for w in supernet.parameters() if w.grad is not None]
    assert len(gradients) < len(list(supernet.parameters()))
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
