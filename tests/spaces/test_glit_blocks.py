from functools import partial

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  the name that PyTorch code uses
from torch import nn

from evo_nas.core.plugins import registry
from tests.kit.loading import module, shared_file, small, space, uniform

blocks = module("glit.blocks")
convolution = module("glit.convolution")


def local_heads(channels, expansion, kernel, seed=0):
    torch.manual_seed(seed)
    depthwise = partial(convolution.DepthwiseConvolution, kernel=kernel)
    return blocks.LocalHeads(convolution.Convolution(channels, expansion, depthwise))


@pytest.mark.parametrize(
    ("tokens", "kernel"), [(17, 3), (17, 7), (5, 7), (65, 15), (197, 45), (4, 31)]
)
def test_both_ways_of_the_convolution_agree(tokens, kernel):
    plain, by_channel = local_heads(6, 2, kernel), local_heads(6, 2, kernel)
    images = torch.randn(9, tokens, 6)
    weight = torch.randn(9, tokens, 6)
    gradients = []
    for heads, run in (
        (plain, lambda t, net: nn.Sequential.forward(net, t)),
        (by_channel, convolution.run_by_channel),
    ):
        given = images.clone().requires_grad_()
        result = run(given, heads.net)
        (result * weight).sum().backward()
        weights = {name: value.grad for name, value in heads.named_parameters()}
        gradients.append({"images": given.grad, "result": result.detach(), **weights})
    for name, value in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], value, atol=2e-4, rtol=1e-4, msg=name)
    for name, value in plain.named_buffers():  # BatchNorm saw the same statistics
        torch.testing.assert_close(dict(by_channel.named_buffers())[name], value)


def test_double_precision_agrees_closely():
    heads = local_heads(6, 4, 5).double()
    images = torch.randn(8, 17, 6, dtype=torch.float64)
    torch.testing.assert_close(
        convolution.run_by_channel(images, heads.net),
        nn.Sequential.forward(heads.net, images),
        atol=1e-12,
        rtol=1e-12,
    )


def test_it_trains_after_it_was_evaluated():
    convolution._spread.cache_clear()
    heads = local_heads(6, 2, 5)
    with torch.inference_mode():
        convolution.run_by_channel(torch.randn(8, 17, 6), heads.net)
    convolution.run_by_channel(torch.randn(8, 17, 6), heads.net).sum().backward()
    assert heads.net[3].conv.weight.grad is not None


def test_gradients_of_the_batched_product():
    tokens = torch.randn(3, 2, 5, dtype=torch.float64, requires_grad=True)
    matrices = torch.randn(3, 5, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(convolution._BatchedProduct.apply, (tokens, matrices))


def test_the_plain_way_is_counted_and_exported():
    assert convolution.runs_by_channel(torch.zeros(64, 17, 6))
    assert not convolution.runs_by_channel(torch.zeros(1, 197, 6))
    assert not convolution.runs_by_channel(torch.zeros(64, 17, 6, device="meta"))
    traced = torch.jit.trace(local_heads(6, 2, 3).eval(), torch.zeros(64, 17, 6))
    assert "_convolution" in str(traced.inlined_graph)
    assert "bmm" not in str(traced.inlined_graph)


def test_the_layers_of_the_convolution_one_by_one():
    heads = local_heads(6, 2, 5).eval()
    images = torch.randn(2, 9, 6)
    state = heads.state_dict()
    hidden = F.conv1d(images.transpose(1, 2), state["net.1.weight"], state["net.1.bias"])
    hidden = hidden[:, :12] * torch.sigmoid(hidden[:, 12:])
    hidden = F.conv1d(
        hidden, state["net.3.conv.weight"], state["net.3.conv.bias"], padding=2, groups=12
    )
    hidden = hidden / (1 + 1e-5) ** 0.5  # fresh BatchNorm
    hidden = hidden * torch.sigmoid(hidden)
    hidden = F.conv1d(hidden, state["net.6.weight"], state["net.6.bias"]).transpose(1, 2)
    torch.testing.assert_close(heads(images), hidden)


@pytest.mark.parametrize("head_width", [2, 4, 8])
def test_attention_by_hand(head_width):
    torch.manual_seed(0)
    heads = blocks.GlobalHeads(8, 2, head_width)
    tokens = torch.randn(3, 5, 8)
    projected = heads.qkv(tokens).unflatten(-1, (3, 2, head_width))
    results = []
    for head in range(2):
        query, key, value = (projected[:, :, i, head] for i in range(3))
        weights = (query @ key.transpose(1, 2) / head_width**0.5).softmax(-1)
        results.append(weights @ value)
    torch.testing.assert_close(heads(tokens), heads.proj(torch.cat(results, -1)))


def test_global_channels_come_first():
    torch.manual_seed(0)
    attention, local = blocks.GlobalHeads(4, 1, 4), local_heads(8, 1, 3)
    both = blocks.GlobalLocal(attention, local).eval()
    tokens = torch.randn(2, 5, 12)
    expected = torch.cat((attention(tokens[..., :4]), local(tokens[..., 4:])), -1)
    torch.testing.assert_close(both(tokens), expected)


def test_initialisation():
    glit = space()
    torch.manual_seed(0)
    network = glit.build(uniform(glit, heads=3, d_k=1, d_z=4), small(glit))
    for name, weight in network.named_parameters():
        if "norm" in name:
            assert torch.equal(weight, torch.full_like(weight, float(name.endswith("weight"))))
        elif name.endswith(".bias") and "patch" not in name:
            assert not weight.any(), name
        elif "patch" not in name:
            assert 0.015 < weight.std() < 0.025, name
            assert weight.abs().max() < 2, name


def test_names_and_shapes_are_those_of_the_released_network():
    lines = shared_file("reference/glit_tiny_released_state_dict.tsv").read_text().splitlines()[1:]
    expected = {name: (shape, kind) for name, shape, kind in (x.split("\t") for x in lines)}
    glit = space()
    network = glit.build(registry.load("network", "glit_tiny").genome, glit.target)
    found = {
        name: (str(list(weight.shape)), str(weight.dtype).removeprefix("torch."))
        for name, weight in network.state_dict().items()
    }
    assert found == expected
