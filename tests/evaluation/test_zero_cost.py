"""Training-free scores against their definitions, worked out by hand on small networks."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from evo_nas.core.plugins import registry
from evo_nas.evaluation.zero_cost.activations import activation_kernel, naswot
from evo_nas.evaluation.zero_cost.flow import dss, flow_of, synflow
from evo_nas.evaluation.zero_cost.gradients import grad_norm, snip
from evo_nas.evaluation.zero_cost.jacobian import jacov
from evo_nas.evaluation.zero_cost.layers import layers
from evo_nas.evaluation.zero_cost.perturbation import zen
from evo_nas.sampling.distribution import prior
from evo_nas.training.batches import seeded_weights

SHAPE = (1, 2, 2)


def linear(*widths):
    return nn.Sequential(nn.Flatten(), *(nn.Linear(a, b, bias=False) for a, b in pairwise(widths)))


def seeded_generator():
    return torch.Generator().manual_seed(3)


def seeded(make):
    with seeded_weights(5):
        return make()


def flow(network):
    """R of a linear network: all ones through the magnitudes of its weights."""
    hidden = torch.ones(4, dtype=torch.float64)
    for layer in list(network)[1:]:
        hidden = layer.weight.detach().double().abs() @ hidden
    return float(hidden.sum())


@pytest.mark.parametrize("widths", [(4, 3), (4, 5, 3), (4, 6, 5, 3)])
def test_synflow_of_a_linear_network_is_r_for_each_layer(widths):
    network = seeded(lambda: linear(*widths))
    expected = math.log10((len(widths) - 1) * flow(network))
    assert synflow(network, SHAPE) == pytest.approx(expected, abs=1e-12)


def test_flow_is_conserved_through_convolutions_normalisation_and_relu():
    def network():
        return nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4, affine=False), nn.ReLU(),
            nn.Conv2d(4, 5, 1, bias=False), nn.ReLU(), nn.Flatten(), nn.LayerNorm(20),
            nn.Linear(20, 3, bias=False),
        )  # fmt: skip

    positive = seeded(network).double()
    with torch.no_grad():
        for weight in positive.parameters():
            weight.abs_()
        positive[1] = positive[6] = nn.Identity()
        r = float(positive(torch.ones(1, *SHAPE, dtype=torch.float64)).sum())
    assert synflow(seeded(network), SHAPE) == pytest.approx(math.log10(3 * r), abs=1e-12)


class Weighing(nn.Module):
    """Two tokens of two, mixed by attention and gated: written out, or by PyTorch's functions."""

    def __init__(self, fused):
        super().__init__()
        self.qkv, self.gated = nn.Linear(2, 6, bias=False), nn.Linear(2, 4, bias=False)
        self.fused = fused

    def forward(self, images):
        query, key, value = self.qkv(images).chunk(3, dim=-1)
        if self.fused:
            mixed = functional.scaled_dot_product_attention(query, key, value)
            return functional.glu(self.gated(mixed), dim=-1)
        mixed = (query @ key.transpose(-2, -1) * 2**-0.5).softmax(-1) @ value
        passed, gate = self.gated(mixed).chunk(2, dim=-1)
        return passed * torch.sigmoid(gate)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_attention_and_gates_weigh_what_flows_and_carry_none_of_it(fused, scale):
    network = seeded(lambda: Weighing(fused))
    with torch.no_grad():
        network.qkv.weight[:4] *= scale
    flow = flow_of(network, SHAPE)
    score = synflow(network, SHAPE)
    with torch.no_grad():
        for weight in network.double().parameters():
            weight.abs_()
        # Two layers that things flow through: values, and what is gated.
        expected = math.log10(2 * float(network(torch.ones(1, *SHAPE).double()).sum()))
    assert score == pytest.approx(expected, abs=1e-9)
    assert not flow["qkv.weight"][1][:4].any()
    assert not flow["gated.weight"][1][2:].any()


def test_a_network_of_zeros_has_no_flow():
    network = linear(4, 3)
    nn.init.zeros_(network[1].weight)
    with pytest.raises(ValueError, match="nothing flows through it"):
        synflow(network, SHAPE)


SPACES = (
    "glit_hl", "glit_conv2d", "glit_local_attention", "nlp_nas", "autoformer_tiny", "mobilenet",
)  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in ("glit_hl", "autoformer_tiny") else pytest.mark.slow)
        for name in SPACES
    ],
)
def test_every_shipped_space_has_scores_that_hardly_depend_on_the_weights_drawn(name):
    space = registry.load("space", name)
    geometry, shape = space.proxy(32, 3, 10), (3, 32, 32)
    images = torch.randn(4, *shape, generator=torch.Generator().manual_seed(1))
    rng = np.random.default_rng(1)
    genome = prior(space).draw(space, rng)

    def network(seed):
        with seeded_weights(seed):
            return space.build(genome, geometry)

    labels = torch.arange(4)
    scores = [score(network(1), images) for score in (naswot, jacov)]
    scores += [score(network(1), images, labels) for score in (grad_norm, snip)]
    scores += [zen(network(1), shape, seeded_generator()), layers(network(1))]
    for score in (synflow, dss):
        first, second = score(network(1), shape), score(network(2), shape)
        assert abs(first - second) < 0.5  # of the six powers of ten that genomes span
        scores += [first, second]
    assert np.isfinite(scores).all()


def test_flow_at_the_papers_size_is_finite():
    space = registry.load("space", "glit_hl")
    genome = prior(space).draw(space, np.random.default_rng(1))
    assert 30 < synflow(seeded(lambda: space.build(genome, space.target)), (3, 224, 224)) < 60


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.value = nn.Linear(4, 3, bias=False)
        self.position = nn.Parameter(torch.ones(1, 3))  # no layer: it does not count

    def forward(self, tokens):
        return self.value(tokens) + self.position


def test_dss_is_diversity_of_attention_and_saliency_of_the_rest():
    network = seeded(lambda: nn.Sequential(nn.Flatten(), Attention(), nn.Linear(3, 2, bias=True)))
    inner = network[1].value.weight.detach().double().abs()
    outer = network[2].weight.detach().double().abs()
    ones = torch.ones(4, dtype=torch.float64)
    by_inner = torch.outer(outer.sum(0), ones)  # dR / d inner
    nuclear = [float(torch.linalg.svdvals(matrix).sum()) for matrix in (by_inner, inner)]
    saliency = float((outer @ (inner @ ones + 1)).sum())  # without the bias
    expected = math.log10(nuclear[0] * nuclear[1] + saliency)
    assert dss(network, SHAPE) == pytest.approx(expected)


def test_dss_without_attention_is_synflow_of_the_weights():
    assert dss(seeded(lambda: linear(4, 5, 3)), SHAPE) == pytest.approx(
        synflow(seeded(lambda: linear(4, 5, 3)), SHAPE)
    )


def test_the_gradient_norm_of_softmax_regression():
    images = torch.randn(6, *SHAPE, generator=torch.Generator().manual_seed(1))
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    network = seeded(lambda: nn.Sequential(nn.Flatten(), nn.Linear(4, 3)))
    probabilities = functional.softmax(network(images), dim=1).detach()
    errors = (probabilities - functional.one_hot(labels, 3)) / 6
    expected = float((errors.T @ images.flatten(1)).norm() + errors.sum(0).norm())
    assert grad_norm(network, images, labels) == pytest.approx(expected, rel=1e-5)


def test_dropout_does_not_change_the_gradient_norm():
    images, labels = torch.ones(3, *SHAPE), torch.tensor([0, 1, 2])

    def network():
        return nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.Dropout(0.5))

    first = grad_norm(seeded(network), images, labels)
    assert first == grad_norm(seeded(network), images, labels) > 0


def fixed(activation):
    """Units that see each pixel as it is."""
    layer = nn.Linear(4, 4, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(4))
    return nn.Sequential(nn.Flatten(), layer, activation)


IMAGES = torch.tensor([[1.0, 1.0, -1.0, -1.0], [1.0, -1.0, -1.0, -1.0]]).view(2, *SHAPE)


class Functional(nn.Module):
    def forward(self, hidden):
        return functional.gelu(hidden)


class Turned(nn.Module):
    """Arranges its tensors otherwise."""

    def forward(self, hidden):
        return functional.gelu(hidden.T).T


class InPlace(nn.Module):
    def forward(self, hidden):
        return hidden.clone().relu_()


@pytest.mark.parametrize(
    "activation",
    [nn.ReLU(), nn.ReLU(inplace=True), nn.ReLU6(), nn.GELU(), nn.SiLU(), nn.Hardswish(),
     Functional(), Turned(), InPlace()],
)  # fmt: skip
def test_the_kernel_of_two_images_counts_the_units_that_agree(activation):
    kernel = activation_kernel(fixed(activation), IMAGES)
    assert kernel.tolist() == [[4, 3], [3, 4]]
    assert naswot(fixed(activation), IMAGES) == pytest.approx(np.log(4 * 4 - 3 * 3), abs=2e-3)


def test_two_images_that_activate_alike_cost_score_but_no_infinity():
    same, other = IMAGES[:1].repeat(2, 1, 1, 1), naswot(fixed(nn.ReLU()), IMAGES)
    assert -np.inf < naswot(fixed(nn.ReLU()), same) < other


def test_batch_normalisation_is_by_the_batch():
    network = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4), nn.ReLU())
    # Normalised, a pixel is positive where it is above its mean over both images.
    images = torch.tensor([[1.0, 5.0, 3.0, 8.0], [2.0, 4.0, 2.0, 9.0]]).view(2, *SHAPE)
    assert activation_kernel(network, images).tolist() == [[4, 0], [0, 4]]


def test_a_network_without_activations_is_refused():
    with pytest.raises(ValueError, match="none of the activations"):
        naswot(linear(4, 3), IMAGES)


IMAGE = torch.randn(6, *SHAPE, generator=torch.Generator().manual_seed(1))
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])


def test_snip_of_softmax_regression():
    network = seeded(lambda: nn.Sequential(nn.Flatten(), nn.Linear(4, 3)))
    probabilities = functional.softmax(network(IMAGE), dim=1).detach()
    errors = (probabilities - functional.one_hot(LABELS, 3)) / 6
    expected = float((network[1].weight.detach() * (errors.T @ IMAGE.flatten(1))).abs().sum())
    assert snip(network, IMAGE, LABELS) == pytest.approx(expected, rel=1e-5)


class Squared(nn.Module):
    """Its outputs have the gradient 2 x by the pixels x."""

    def forward(self, images):
        return images.flatten(1) ** 2


def test_jacov_is_highest_where_gradients_are_not_correlated():
    pixels = torch.tensor([[1.0, 1.0, -1.0, -1.0], [1.0, -1.0, 1.0, -1.0], [1.0, -1.0, -1.0, 1.0]])
    apart = pixels.view(3, *SHAPE)
    found = jacov(Squared(), apart)
    assert found == pytest.approx(-3 * (math.log(1 + 1e-5) + 1 / (1 + 1e-5)))
    # Two images with a correlation of one half: the eigenvalues are 1 / 2, 1 and 3 / 2.
    mixed = apart.clone()
    mixed[1] = apart[0] / 2 + apart[1] * math.sqrt(3) / 2
    expected = -sum(math.log(e + 1e-5) + 1 / (e + 1e-5) for e in (0.5, 1.0, 1.5))
    assert jacov(Squared(), mixed) == pytest.approx(expected, rel=1e-4)
    assert expected < found


def test_a_network_whose_outputs_are_sums_of_pixels_has_no_jacov():
    with pytest.raises(ValueError, match="depend on no pixel of an image, or on all of them alike"):
        jacov(nn.Flatten(), IMAGE)


def test_zen_of_a_linear_network_is_the_length_of_what_a_change_becomes():
    network = seeded(lambda: linear(4, 5, 3))
    normal = {"generator": seeded_generator(), "dtype": torch.float64}
    first, second, _, change = (
        torch.randn(*shape, **normal) for shape in ((5, 4), (3, 5), (16, 4), (16, 4))
    )
    moved = 0.01 * change @ first.T @ second.T
    assert zen(network, SHAPE, seeded_generator()) == pytest.approx(
        math.log(float(moved.norm(dim=1).mean()))
    )


class Scaled(nn.Module):
    """Multiplies by a number that is no weight of a layer."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, images):
        return self.factor * images


@pytest.mark.parametrize("factor", [8.0, 1 / 8])
def test_zen_makes_up_for_what_batch_normalisation_takes_away(factor):
    def score(factor):
        normalised = nn.BatchNorm2d(3, eps=1e-12)
        parts = nn.Conv2d(1, 3, 1), Scaled(factor), normalised, nn.ReLU(), nn.Conv2d(3, 2, 1)
        return zen(seeded(lambda: nn.Sequential(*parts)), SHAPE, seeded_generator())

    assert score(factor) - score(1.0) == pytest.approx(math.log(factor), abs=1e-6)


def test_layers_are_those_with_weights():
    inner = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 2, 1))
    assert layers(nn.Sequential(inner, nn.Flatten(), nn.LayerNorm(8), nn.Linear(8, 3))) == 3


SCORES = {
    "synflow": lambda network: synflow(network, SHAPE),
    "dss": lambda network: dss(network, SHAPE),
    "naswot": lambda network: naswot(network, IMAGE),
    "jacov": lambda network: jacov(network, IMAGE),
    "grad_norm": lambda network: grad_norm(network, IMAGE, LABELS),
    "snip": lambda network: snip(network, IMAGE, LABELS),
    "zen": lambda network: zen(network, SHAPE, seeded_generator()),
}


@pytest.mark.parametrize("name", SCORES)
def test_a_network_is_as_it_was_and_has_the_same_score_again(name):
    network = seeded(
        lambda: nn.Sequential(
            nn.Conv2d(1, 3, 1), nn.BatchNorm2d(3), nn.GELU(), nn.Dropout(0.5), nn.Flatten(),
            nn.Linear(12, 3),
        )
    )  # fmt: skip
    network[3].eval()
    network[5].weight.grad = torch.ones(3, 12)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    modes = [module.training for module in network.modules()]
    first = SCORES[name](network)
    after = network.state_dict()
    assert all(torch.equal(after[key], value) for key, value in before.items())
    assert [module.training for module in network.modules()] == modes
    assert (network[1].momentum, network[0].weight.dtype) == (0.1, torch.float32)
    assert network[0].weight.grad is None
    assert torch.equal(network[5].weight.grad, torch.ones(3, 12))
    assert SCORES[name](network) == first
