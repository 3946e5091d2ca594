"""Networks of all our spaces are asked for features, and given other classes, as timm's are."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from evo_nas.errors import SettingsError, SpaceError
from evo_nas.space.network import ImageClassifier, as_classifier, feature_map
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
    assert channels == network.num_features
    torch.testing.assert_close(network.forward_head(features), network(images()), rtol=0, atol=0)
    pooled = network.forward_head(features, pre_logits=True)
    assert pooled.shape == (3, network.head_hidden_size)
    torch.testing.assert_close(network.get_classifier()(pooled), network(images()))
    assert network.num_classes == 10


def test_other_classes_are_trained(network: Any) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    classifier = network.get_classifier()
    network.reset_classifier(7)
    assert network.num_classes == 7
    assert network.get_classifier() is not classifier
    changed = [n for n, t in network.state_dict().items() if not torch.equal(t, before[n])]
    assert f"{network.classifier}.weight" in changed
    assert all(name.startswith(f"{network.classifier}.") for name in changed)
    network.train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    labels = torch.tensor([0, 6, 3])
    loss = nn.functional.cross_entropy(network(images()), labels)
    loss.backward()  # type: ignore[no-untyped-call]
    fresh = network.get_classifier().weight.detach().clone()
    optimizer.step()
    assert not torch.equal(network.get_classifier().weight, fresh)


@torch.no_grad()
def test_without_a_classifier_features_come_out(network: Any) -> None:
    expected = network.forward_head(network.forward_features(images()), pre_logits=True)
    network.reset_classifier(0)
    assert network.num_classes == 0
    assert isinstance(network.get_classifier(), nn.Identity)
    torch.testing.assert_close(network(images()), expected, rtol=0, atol=0)


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
