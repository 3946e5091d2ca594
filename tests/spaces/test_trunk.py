"""Networks of the shipped spaces as backbones: intermediates, checkpoints, other image sizes."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evo_nas.core.plugins import registry
from evo_nas.errors import SettingsError
from tests.kit.loading import draw

SPACES = ("glit_hl", "glit_conv2d", "glit_local_attention", "autoformer_tiny", "mobilenet")


@pytest.fixture(scope="module", params=SPACES)
def backbone(request: pytest.FixtureRequest) -> Any:
    space = registry.load("space", request.param)
    torch.manual_seed(0)
    return space.build(draw(space, 1), space.proxy(16, 1, 10)).eval()


def images(size: int = 16, count: int = 4) -> Tensor:
    return torch.randn(count, 1, size, size, generator=torch.Generator().manual_seed(size))


def test_intermediates_end_in_the_features_and_are_maps(backbone: Any) -> None:
    features, maps = backbone.forward_intermediates(images())
    assert torch.equal(backbone.forward_head(features), backbone(images()))
    told = backbone.feature_info
    assert [tuple(each.shape) for each in maps] == [
        (4, each["num_chs"], 16 // each["reduction"], 16 // each["reduction"]) for each in told
    ]
    assert torch.equal(maps[-1], backbone.feature_map(images()))


def test_intermediates_by_index_are_those_of_all(backbone: Any) -> None:
    _, every = backbone.forward_intermediates(images())
    some = backbone.forward_intermediates(
        images(), [1, -1], intermediates_only=True, output_fmt="NLC"
    )
    expected = [every[1], every[-1]]
    assert all(
        torch.equal(a, b.flatten(2).transpose(1, 2)) for a, b in zip(some, expected, strict=True)
    )
    early = backbone.forward_intermediates(images(), [1], stop_early=True, intermediates_only=True)
    assert torch.equal(early[0], every[1])


def test_features_only_gives_a_map_of_each_size(backbone: Any) -> None:
    maps = backbone.features_only()
    sizes = [16 // reduction for reduction in maps.feature_info.reduction()]
    assert [each.shape[-1] for each in maps(images())] == sizes
    assert [each.shape[1] for each in maps(images())] == maps.feature_info.channels()
    assert len(backbone.features_only((0, 2)).out_indices) == 2


def test_class_tokens_are_given_and_normalised_where_asked() -> None:
    space = registry.load("space", "autoformer_tiny")
    network = space.build(draw(space, 1), space.proxy(16, 1, 10)).eval()
    features, pairs = network.forward_intermediates(
        images(), 1, norm=True, return_prefix_tokens=True
    )
    ((grid, classes),) = pairs
    assert torch.equal(torch.cat((classes, grid.flatten(2).transpose(1, 2)), 1), features)


@pytest.mark.parametrize("indices", [[99], [], 0, 99, [True], ["1"]])
def test_blocks_that_are_not_there_are_told(backbone: Any, indices: Any) -> None:
    with pytest.raises(SettingsError, match="the network has"):
        backbone.forward_intermediates(images(), indices)


@pytest.mark.slow  # the first checkpoint of a process loads the compiler
def test_checkpoints_change_neither_gradients_nor_statistics(backbone: Any) -> None:
    kept, anew = copy.deepcopy(backbone).train(), copy.deepcopy(backbone).train()
    anew.set_grad_checkpointing()
    stored = [_trained(network) for network in (kept, anew)]
    assert stored[1] < stored[0] / 2
    pairs = zip(kept.parameters(), anew.parameters(), strict=True)
    assert all(torch.equal(a.grad, b.grad) for a, b in pairs if a.grad is not None)
    states = zip(kept.state_dict().values(), anew.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in states)
    assert any(
        not torch.equal(a, b) for a, b in zip(anew.buffers(), backbone.buffers(), strict=True)
    ) == any(isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d) for m in anew.modules())


def _trained(network: Any) -> int:
    """Take one step's gradients; how many tensors were kept for them."""
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    torch.manual_seed(3)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = network(images()).square().sum()
    loss.backward(retain_graph=True)
    network.zero_grad()
    loss.backward()  # computed anew once more
    return len(kept)


def test_another_size_is_read_and_its_own_is_the_same(backbone: Any) -> None:
    network = copy.deepcopy(backbone)
    before = network(images())
    network.set_input_size(16)
    assert torch.equal(network(images()), before)
    network.set_input_size(32)
    assert network(images(32)).shape == (4, 10)
    assert torch.isfinite(network(images(32))).all()


@pytest.mark.parametrize("name", ["glit_hl", "glit_conv2d", "autoformer_tiny"])
def test_positions_are_resampled_and_class_tokens_are_not(name: str) -> None:
    space = registry.load("space", name)
    network = space.build(draw(space, 1), space.proxy(16, 1, 10)).eval()
    embedding = getattr(network, "embed", None) if name == "autoformer_tiny" else network
    first = int(name != "glit_conv2d")
    ramp = torch.arange(8.0).repeat(8)[None, :, None].expand(-1, -1, 48)  # by column
    with torch.no_grad():
        embedding.pos_embed[:, :first] = 7
        embedding.pos_embed[:, first:] = ramp
    network.set_input_size(32)
    grid = embedding.pos_embed[0, first:, 0].view(16, 16)
    assert embedding.pos_embed[:, :first].eq(7).all()
    assert torch.allclose(grid, grid[:1].expand(16, 16), atol=1e-5)  # still by column alone
    assert (grid[0].diff() > 0).all()
    assert grid[0, 2:-2].tolist() == pytest.approx(
        [(i + 0.5) / 2 - 0.5 for i in range(2, 14)], abs=0.1
    )


@pytest.mark.parametrize("size", [0, -2, 15, 16.0, True])
def test_sizes_that_patches_do_not_fill_are_told(size: Any) -> None:
    space = registry.load("space", "glit_hl")
    network = space.build(draw(space, 1), space.proxy(16, 1, 10))
    with pytest.raises(SettingsError, match="a multiple of the patch, 2"):
        network.set_input_size(size)
