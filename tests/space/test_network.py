"""Networks of all our spaces: features, other classes as timm gives them, stochastic depth."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evo_nas.core.plugins import registry
from evo_nas.errors import SettingsError, SpaceError
from evo_nas.search.architectures import find_architecture
from evo_nas.space.network import (
    ImageClassifier,
    StochasticDepth,
    as_classifier,
    feature_map,
    heat_maps,
    set_stochastic_depth,
)
from evo_nas.space.space import Geometry
from tests.kit.loading import draw, small, space

SPACES = (
    "glit_hl", "glit_conv2d", "glit_local_attention", "nlp_nas", "autoformer_tiny", "mobilenet",
)  # fmt: skip


@pytest.fixture(params=SPACES)
def network(request: pytest.FixtureRequest) -> Any:
    searched = space(request.param)
    torch.manual_seed(0)
    built = searched.build(draw(searched, 1), small(searched))
    assert isinstance(built, ImageClassifier)
    return built.eval()


def images(count: int = 3) -> torch.Tensor:
    return torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def test_features_and_head_make_the_network(network: Any) -> None:
    features = network.forward_features(images())
    channels = features.shape[1] if features.ndim == 4 else features.shape[2]
    assert (channels, network.num_classes) == (network.num_features, 10)
    torch.testing.assert_close(network.forward_head(features), network(images()), rtol=0, atol=0)
    pooled = network.forward_head(features, pre_logits=True)
    assert pooled.shape == (3, network.head_hidden_size)
    torch.testing.assert_close(network.get_classifier()(pooled), network(images()))
    network.reset_classifier(0)  # features come out
    assert network.num_classes == 0
    torch.testing.assert_close(network(images()), pooled, rtol=0, atol=0)


def test_other_classes_are_trained(network: Any) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    network.reset_classifier(7)
    assert network.num_classes == 7
    changed = [n for n, t in network.state_dict().items() if not torch.equal(t, before[n])]
    assert f"{network.classifier}.weight" in changed
    assert all(name.startswith(f"{network.classifier}.") for name in changed)
    loss = nn.functional.cross_entropy(network.train()(images()), torch.tensor([0, 6, 3]))
    loss.backward()  # type: ignore[no-untyped-call]
    assert network.get_classifier().weight.grad.any()


@torch.no_grad()
def test_tokens_may_be_pooled_otherwise() -> None:
    glit, conv2d = space("glit_hl"), space("glit_conv2d")
    network = glit.build(draw(glit, 1), small(glit)).eval()
    tokens = network.forward_features(images())
    for how, expected in (
        ("token", tokens[:, 0]), ("avg", tokens[:, 1:].mean(1)), ("", tokens),
    ):  # fmt: skip
        network.reset_classifier(0, how)
        torch.testing.assert_close(network(images()), expected)
    network = conv2d.build(draw(conv2d, 1), small(conv2d))
    with pytest.raises(SettingsError, match="'token': this network knows 'avg', ''"):
        network.reset_classifier(5, "token")
    assert network.num_classes == 10
    with pytest.raises(SettingsError, match="num_classes is -1"):
        network.reset_classifier(-1)


@torch.no_grad()
def test_autoformer_knows_where_its_features_lie() -> None:
    searched = space("autoformer_tiny")
    network = searched.build(draw(searched, 1), small(searched)).eval()
    features = feature_map(network, images())
    side = features.shape[-1]
    tokens = features.flatten(2).transpose(1, 2)
    normalised = network.classify.norm(tokens)
    torch.testing.assert_close(network.forward_features(images())[:, 1:], normalised)
    assert features.shape == (3, network.num_features, side, side)


def test_what_another_network_lacks_is_said() -> None:
    with pytest.raises(SpaceError, match=r"Linear has no forward_features: .*ImageClassifier"):
        as_classifier(nn.Linear(2, 2))


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
    assert features.shape == (2, 12, 4, 4)  # rows of the image are rows of the map
    torch.testing.assert_close(features.flatten(2).transpose(1, 2), tokens[:, 1:])
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


def test_a_branch_is_left_out_for_whole_images_and_keeps_its_mean() -> None:
    torch.manual_seed(0)
    dropped = StochasticDepth(0.25).train()(torch.ones(4000, 3, 2))
    by_image = dropped.flatten(1)
    assert (by_image == by_image[:, :1]).all()
    assert sorted(set(by_image[:, 0].tolist())) == [0.0, pytest.approx(1 / 0.75)]
    assert float(dropped.mean()) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize(("rate", "training"), [(0.9, False), (0.0, True)])
def test_nothing_changes_outside_of_training_and_at_rate_0(rate: float, training: bool) -> None:
    branch = torch.randn(8, 5)
    assert StochasticDepth(rate).train(training)(branch) is branch


def test_rates_rise_with_the_depth() -> None:
    network = nn.Sequential(StochasticDepth(), nn.Identity(), StochasticDepth(), StochasticDepth())
    assert set_stochastic_depth(network, 0.1) == 3
    rates = [module.rate for module in network if isinstance(module, StochasticDepth)]
    assert rates == [0, 0.05, 0.1]
    assert set_stochastic_depth(nn.Linear(2, 2), 0.1) == 0
