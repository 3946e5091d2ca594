"""Feature maps: whatever a network is, where its last features lie."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from evo_nas.core.plugins import registry
from evo_nas.errors import SpaceError
from evo_nas.search.architectures import find_architecture
from evo_nas.space.network import feature_map, heat_maps
from evo_nas.space.space import Geometry

GEOMETRY = Geometry(16, 1, 10, patch_size=4, width=12, heads=3)


class Known(nn.Module):
    """Knows where its features lie: in the second channel, the image itself."""

    def feature_map(self, images: Tensor) -> Tensor:
        return torch.cat((torch.zeros_like(images), images), dim=1)


def test_a_network_is_asked_for_its_features() -> None:
    images = torch.rand(2, 1, 8, 8)
    assert feature_map(Known(), images).shape == (2, 2, 8, 8)
    heat = heat_maps(Known(), images)
    low, high = images.amin((1, 2, 3), keepdim=True), images.amax((1, 2, 3), keepdim=True)
    torch.testing.assert_close(heat, ((images - low) / (high - low))[:, 0])


def test_glit_leaves_out_the_class_token_and_the_last_norm() -> None:
    architecture = find_architecture("glit_tiny")
    space = registry.load("space", architecture.space)
    network = space.build(architecture.genome, GEOMETRY).eval()
    images = torch.rand(2, 1, 16, 16)
    with torch.inference_mode():
        tokens = network.blocks(network.embed(images))
        features = feature_map(network, images)
        after = network.norm(tokens).mean(dim=2)
    assert features.shape == (2, 12, 4, 4)
    for row in range(4):
        for column in range(4):
            torch.testing.assert_close(features[:, :, row, column], tokens[:, 1 + 4 * row + column])
    assert after.abs().max() < 1e-5  # why the features before it are taken
    assert features.mean(dim=1).std() > 1e-4


def test_a_convolutional_network_shows_its_last_map() -> None:
    last = nn.Conv2d(4, 6, 3, stride=2, padding=1)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), last, nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(6, 10),
    )  # fmt: skip
    images = torch.rand(2, 3, 8, 8)
    expected = last(network[:2](images))
    torch.testing.assert_close(feature_map(network, images), expected)
    assert not last._forward_hooks
    heat = heat_maps(network, images)
    assert heat.shape == (2, 8, 8)
    assert (heat.amin((1, 2)) == 0).all()
    assert (heat.amax((1, 2)) == 1).all()


def test_each_image_has_a_scale_of_its_own_and_a_flat_one_is_0() -> None:
    images = torch.stack((torch.rand(1, 4, 4), 1000 * torch.rand(1, 4, 4), torch.ones(1, 4, 4)))
    heat = heat_maps(Known(), images)
    assert heat[:2].amax((1, 2)).tolist() == [1, 1]
    assert heat[2].max() == 0


def test_a_network_without_places_says_what_it_lacks() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    with pytest.raises(SpaceError, match="give the network a method feature_map"):
        feature_map(network, torch.rand(1, 1, 8, 8))
