import numpy as np
import pytest
import torch

from evo_nas.core.plugins import registry
from evo_nas.sampling.feasible import feasible
from evo_nas.sampling.limits import parse_range
from evo_nas.space.subspace import Subspace
from tests.kit.loading import draw, module, small, space
from tests.kit.paths import shaken

NAMES = ("autoformer_tiny", "autoformer_small", "autoformer_base")

# Subnets published by tinyvision/PreNAS, the smallest and the largest of each space: the space, the
# width, parameters and millions of FLOPs in closed form for 197 tokens; heads and ratios by layer.
PUBLISHED = (
    ("autoformer_tiny", 192, 5994760, 1371.895878,
     "4 4 4 4 3 3 3 3 3 4 3 4",
     "4 4 4 4 4 3.5 3.5 4 4 3.5 4 4"),
    ("autoformer_tiny", 240, 10517272, 2327.467647,
     "4 4 4 4 4 4 4 4 4 4 4 4 4 4",
     "4 4 4 4 4 4 4 4 4 4 4 4 4 4"),
    ("autoformer_small", 320, 17991400, 3939.066735,
     "7 7 7 7 7 7 7 7 6 7 5 6 5",
     "4 4 3.5 4 3.5 4 4 3.5 4 4 3.5 4 4"),
    ("autoformer_small", 448, 32981640, 6912.965367,
     "7 7 7 7 7 7 7 7 5 7 5 6 5 7",
     "4 4 3.5 4 3.5 4 4 3.5 4 4 3.5 4 4 3.5"),
    ("autoformer_base", 528, 41966944, 8852.028591,
     "9 9 9 9 9 9 9 9 9 9 9 9 9 9",
     "3 3 3 3 3 3 3 3 3 3 3 3 3.5 3"),
    ("autoformer_base", 624, 65916448, 13597.306719,
     "9 10 10 9 9 10 10 9 10 9 9 9 10 10",
     "4 4 3.5 4 4 4 4 4 4 4 4 4 4 4"),
)  # fmt: skip


def test_choices():
    tiny = space("autoformer_tiny")
    assert [choice.name for choice in tiny.choices[:4]] == [
        "width", "depth", "layer00.heads", "layer00.mlp_ratio",
    ]  # fmt: skip
    assert len(tiny.choices) == 2 + 14 * 2
    assert tiny.context == (0, 1)
    assert len(tiny.contexts) == 9
    assert len(tiny.slot_values("layer11", (0, 0))) == 2 * 3
    assert tiny.slot_values("layer13", (0, 1)) == ((0, 0),)  # 13 layers
    assert len(tiny.slot_values("layer13", (0, 2))) == 2 * 3


@pytest.mark.parametrize(
    ("name", "width", "parameters", "megaflops", "heads", "ratios"),
    [
        pytest.param(*each, marks=() if each[0] == "autoformer_tiny" else pytest.mark.slow)
        for each in PUBLISHED
    ],
)
def test_published_subnets_have_exactly_the_published_parameters(
    name, width, parameters, megaflops, heads, ratios
):
    searched, layers = space(name), list(zip(heads.split(), ratios.split(), strict=True))
    options = {"width": width, "depth": len(layers)}
    for number, (count, ratio) in enumerate(layers):
        options[f"layer{number:02}.heads"] = int(count)
        options[f"layer{number:02}.mlp_ratio"] = float(ratio)
    costs = searched.costs(searched.encode(options))
    assert costs["params"] == parameters
    # The authors count little of what relative positions cost.
    assert 1.03 < costs["flops"] / megaflops / 1e6 < 1.13


def test_tight_budgets_are_met_whatever_the_context():
    tiny = space("autoformer_tiny")
    everything = feasible(tiny, parse_range("100G"))
    assert everything.count == everything.size == sum(3 * 6.0**depth for depth in (12, 13, 14))
    rng = np.random.default_rng(0)
    window = parse_range("1.999G..2.001G")
    legal = feasible(tiny, window)
    genomes = [legal.draw(legal.prior, rng) for _ in range(20)]
    assert all(tiny.costs(genome)["flops"] in window for genome in genomes)
    assert len({genome[:2] for genome in genomes}) > 1  # contexts
    least = feasible(tiny, parse_range(str(everything.minimum)))
    assert tiny.options(least.draw(least.prior, rng))["width"] == 192


@pytest.mark.parametrize("name", NAMES)
def test_proxy_keeps_the_shares_of_widths_and_heads(name):
    searched = space(name)
    proxy = searched.proxy(32, 3, 10)
    widths = set()
    for gene, width in enumerate(searched.widths):
        network = searched.build((gene, *draw(searched, 0)[1:]), proxy)
        scaled = network.embed.pos_embed.shape[-1]
        assert scaled * max(searched.widths) == width * proxy.width
        attention = network.attention00.module
        head_width = attention.proj.in_features // attention.heads
        assert head_width * max(searched.widths) == 64 * proxy.width
        widths.add(scaled)
        assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    assert len(widths) == 3


def test_attention_by_hand():
    torch.manual_seed(0)
    blocks = module("autoformer.blocks")
    attention = blocks.Attention(8, 2, 4)
    tokens = torch.randn(3, 1 + 9, 8)
    query, key, value = attention.qkv(tokens).unflatten(-1, (3, 2, 4)).permute(2, 0, 3, 1, 4)
    own, others = attention.key_position, attention.value_position
    expected = torch.zeros(3, 2, 10, 4)
    for head in range(2):
        for i in range(10):
            pairs = [place(i, j) for j in range(10)]
            near = torch.stack([own.rows[r] + own.columns[c] for r, c in pairs])
            moved = torch.stack([others.rows[r] + others.columns[c] for r, c in pairs])
            for image in range(3):
                scores = (key[image, head] + near) @ query[image, head, i] / 2
                expected[image, head, i] = scores.softmax(0) @ (value[image, head] + moved)
    expected = attention.proj(expected.transpose(1, 2).flatten(2))
    torch.testing.assert_close(attention(tokens), expected)


def place(i, j):
    """Which vectors a pair of tokens has on a grid of 3 by 3 patches after the class token."""
    if i == 0 or j == 0:
        return 0, 0
    (row, column), (other_row, other_column) = divmod(i - 1, 3), divmod(j - 1, 3)
    return other_row - row + 15, other_column - column + 15


def test_weights_are_entangled():
    tiny = space("autoformer_tiny")
    supernet = shaken(tiny.supernet(small(tiny)))
    narrow, wide = (
        supernet.extract(tiny.canonical((w, 0, *(h, r) * 14))) for w, h, r in ((0, 0, 0), (2, 1, 2))
    )
    # Queries, keys and values each begin with those of the smaller network.
    for kind in ("weight", "bias"):
        small_qkv = narrow[f"attention05.module.qkv.{kind}"].unflatten(0, (3, -1))
        large_qkv = wide[f"attention05.module.qkv.{kind}"].unflatten(0, (3, -1))
        own = tuple(map(slice, small_qkv.shape))
        assert small_qkv.shape != large_qkv.shape
        assert torch.equal(small_qkv, large_qkv[own])
    for name in ("mlp03.module.fc1.weight", "mlp03.module.fc2.weight", "embed.pos_embed"):
        assert torch.equal(narrow[name], wide[name][tuple(map(slice, narrow[name].shape))])


def test_a_supernet_holds_what_can_be_reached_and_no_more():
    subspace = Subspace(space("autoformer_tiny"), {"width": 216, "depth": 13})
    tiny, geometry = subspace.root, small(subspace)
    supernet = subspace.supernet(geometry)
    largest = subspace.lift([len(c.options) - 1 for c in subspace.choices])
    alone = tiny.build(largest, geometry)
    shapes = {name: weight.shape for name, weight in alone.named_parameters()}
    held = {n.removeprefix("largest."): w.shape for n, w in supernet.named_parameters()}
    assert held == shapes
    assert subspace.reachable_contexts() == ({"width": 216, "depth": 13},)


def test_paths_train_only_their_slices():
    tiny = space("autoformer_tiny")
    supernet = tiny.supernet(small(tiny))
    supernet.select(tiny.canonical((0,) * len(tiny.choices)))
    supernet(torch.randn(2, 1, 8, 8)).sum().backward()
    supernet.double()  # a path that was asked for before moves along
    assert supernet(torch.randn(2, 1, 8, 8, dtype=torch.float64)).dtype == torch.float64
    gradient = supernet.largest["attention00"].module.qkv.weight.grad.unflatten(0, (3, 4, -1))
    assert gradient[:, :3, :, :48].abs().sum() > 0
    assert not gradient[:, 3:].any()  # the fourth head
    assert not gradient[..., 48:].any()
    assert supernet.largest["attention13"].module.qkv.weight.grad is None


def test_picture():
    tiny = space("autoformer_tiny")
    boxes = tiny.picture(registry.load("network", "autoformer_t").genome)
    assert len(boxes) == 13
    assert boxes[10].lines == ("H4", "z3.5")
    assert [boxes[0].shade, boxes[10].shade] == [0.75, 1]
