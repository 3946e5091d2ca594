"""What the spaces of the paper's ablations add to the family."""

import pytest
import torch
from torch import nn

from evo_nas.core.plugins import registry
from tests.kit.loading import draw, module, reference_costs, small, space

windows = module("glit.windows")


@pytest.mark.parametrize(("patches", "window"), [(16, 4), (16, 3), (9, 14), (5, 2)])
def test_window_attention_by_hand(patches, window):
    torch.manual_seed(0)
    heads = windows.WindowAttention(8, 2, 6, window)
    tokens = torch.randn(3, 1 + patches, 8)
    query, key, value = heads.qkv(tokens).unflatten(-1, (3, 2, 6)).permute(2, 0, 3, 1, 4)
    place = (torch.arange(patches) // window).tolist()
    seen = torch.zeros(1 + patches, 1 + patches, dtype=torch.bool)
    seen[0] = seen[:, 0] = True  # the class token sees all, and all see it
    for row in range(patches):
        for column in range(patches):
            seen[1 + row, 1 + column] = place[row] == place[column]
    weights = (query @ key.transpose(-1, -2) / 6**0.5).masked_fill(~seen, -torch.inf).softmax(-1)
    expected = heads.proj((weights @ value).transpose(1, 2).flatten(2))
    torch.testing.assert_close(heads(tokens), expected)
    heads(tokens).sum().backward()
    assert torch.isfinite(heads.qkv.weight.grad).all()


def test_smaller_windows_cost_less():
    table = space("glit_local_attention").slot_costs("block00", ())
    by_window = [table[0, 0, 1, 1, window]["flops"] for window in range(3)]
    assert by_window == sorted(set(by_window))
    assert len({table[0, 0, 1, 1, window]["params"] for window in range(3)}) == 1


def test_the_grid_convolution_sees_neighbours_in_two_dimensions():
    convolution = module("glit.convolution").GridConvolution(1, 3, 4)
    nn.init.ones_(convolution.conv.weight)
    nn.init.zeros_(convolution.conv.bias)
    patches = torch.zeros(1, 1, 16)
    patches[0, 0, 5] = 1  # row 1, column 1
    reached = convolution(patches)[0, 0].view(4, 4)
    expected = torch.zeros(4, 4)
    expected[:3, :3] = 1
    assert torch.equal(reached, expected)


def test_without_a_class_token_all_patches_are_asked():
    conv2d = space("glit_conv2d")
    network = conv2d.build(draw(conv2d, 0), small(conv2d)).eval()
    assert "cls_token" not in network.state_dict()
    assert network.pos_embed.shape == (1, 16, 48)
    tokens = torch.randn(2, 16, 48)
    shuffled = tokens[:, torch.randperm(16)]
    torch.testing.assert_close(network.classify(tokens), network.classify(shuffled))


def test_nlp_nas_is_glit_of_global_heads():
    nlp, glit = space("nlp_nas"), space("glit_hl")
    assert nlp.levels == (0,)
    assert len(nlp.slot_values("block03", ())) == 9
    for seed in range(3):
        genome = draw(nlp, seed)
        heads = {f"{slot}.heads": 3 for slot in glit.slots}
        same = glit.encode(nlp.options(genome) | heads)
        assert nlp.costs(genome) == glit.costs(same)
        ours, theirs = (s.build(g, small(s)) for s, g in ((nlp, genome), (glit, same)))
        theirs.load_state_dict(ours.state_dict(), strict=True)


@pytest.mark.parametrize("heads", range(4))
def test_fixed_networks_cost_what_the_reference_says(heads):
    expected = reference_costs()["networks"][f"uniform_G{heads}"]
    fixed = registry.load("network", f"glit_fixed_g{heads}")
    assert (fixed.space, fixed.genome) == ("glit_fixed", (heads,))
    costs = space(fixed.space).costs(fixed.genome)
    assert (costs["flops"], costs["params"]) == (expected["macs"], expected["params"])
