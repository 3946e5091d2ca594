"""Each handle gives what PyTorch's own counter sees computed, whatever the shapes."""

from math import prod

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  the name that PyTorch code uses
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from evo_nas.space.costs.flops import count
from tests.kit.functions import Function

SIZE = st.integers(1, 4)


def counted(function, *inputs):
    return count(Function(function), *inputs)["flops"]


def computed(function, *inputs):
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as mode:
        function(*inputs)
    return mode.get_total_flops() / 2


@st.composite
def broadcast(draw, most=3):
    """Two shapes that are broadcast to one another, of batches."""
    shape = draw(st.lists(SIZE, max_size=most))
    sides = [[n if draw(st.booleans()) else 1 for n in shape] for _ in range(2)]
    return [side[draw(st.integers(0, len(side))) :] for side in sides]


@settings(max_examples=12)
@given(broadcast(), SIZE, SIZE, SIZE)
def test_matrix_products_of_broadcast_batches(batches, n, k, m):
    left, right = torch.zeros(*batches[0], n, k), torch.zeros(*batches[1], k, m)
    whole = torch.broadcast_shapes(*batches)
    for function in (torch.matmul, torch.linalg.matmul):
        assert counted(function, left, right) == prod(whole) * n * k * m
    assert computed(torch.matmul, left, right) == prod(whole) * n * k * m
    # A vector on either side, and on both.
    assert counted(torch.matmul, left, torch.zeros(k)) == prod(batches[0]) * n * k
    assert counted(torch.matmul, torch.zeros(k), right) == prod(batches[1]) * k * m
    assert counted(torch.matmul, torch.zeros(k), torch.zeros(k)) == k


@settings(max_examples=12)
@given(SIZE, SIZE, SIZE, SIZE)
def test_products_that_add(b, n, k, m):
    one, left, right = torch.zeros(1), torch.zeros(b, n, k), torch.zeros(b, k, m)
    assert counted(torch.bmm, left, right) == b * n * k * m == computed(torch.bmm, left, right)
    assert counted(torch.baddbmm, one, left, right) == b * n * k * m
    assert counted(torch.addbmm, one, left, right) == b * n * k * m
    assert counted(lambda *x: x[0].expand(b, n, m).clone().baddbmm_(*x[1:]), one, left, right) == (
        b * n * k * m
    )
    assert counted(torch.addmm, one, left[0], right[0]) == n * k * m
    assert computed(torch.addmm, one, left[0], right[0]) == n * k * m
    assert counted(torch.mm, left[0], right[0]) == n * k * m
    assert counted(torch.mv, left[0], right[0, :, 0]) == n * k
    assert counted(torch.addmv, one, left[0], right[0, :, 0]) == n * k
    assert counted(torch.inner, left, right[0].T) == b * n * k * m
    assert counted(F.linear, left, right[0].T) == b * n * k * m
    assert counted(F.linear, left, right[0, :, 0]) == b * n * k
    assert counted(torch.cdist, left, right.transpose(1, 2)) == b * n * k * m


def test_a_bilinear_layer_is_an_einsum():
    inputs = torch.zeros(2, 3), torch.zeros(2, 4), torch.zeros(5, 3, 4)
    einsum = counted(lambda x, y, w: torch.einsum("bi,oij,bj->bo", x, w, y), *inputs)
    assert counted(F.bilinear, *inputs) == einsum == 2 * 5 * 3 * 4 + 2 * 5 * 4


@settings(max_examples=12)
@given(st.lists(SIZE, min_size=1, max_size=4), st.data())
def test_tensordot_sums_over_any_dimensions(shape, data):
    dims = data.draw(st.permutations(range(len(shape))))[: data.draw(st.integers(0, len(shape)))]
    other = [shape[dim] for dim in dims] + [2]
    # A dimension of size 1 on one side is broadcast.
    other = [1 if data.draw(st.booleans()) else n for n in other[:-1]] + [2]
    inputs = torch.zeros(shape), torch.zeros(other)

    def function(left, right):
        return torch.tensordot(left, right, dims=[list(dims), list(range(len(dims)))])

    assert counted(function, *inputs) == computed(function, *inputs)


@st.composite
def equations(draw):
    """An equation of two to four operands, and their shapes; labels may be summed or repeated."""
    sizes = {label: draw(SIZE) for label in "abcdE"}
    ellipses = draw(st.booleans())
    terms, shapes = [], []
    for _ in range(draw(st.integers(2, 4))):
        labels = draw(st.lists(st.sampled_from("abcdE"), max_size=4))
        shape = [sizes[label] for label in labels]
        at = draw(st.integers(0, len(labels)))
        dots = draw(st.sampled_from([[], [3], [1], [2, 3], [2, 1]])) if ellipses else []
        terms.append("".join([*labels[:at], "..." if ellipses else "", *labels[at:]]))
        shapes.append([*shape[:at], *dots, *shape[at:]])
    used = sorted(set("".join(terms)) - {"."})
    result = draw(st.permutations(used))[: draw(st.integers(0, len(used)))]
    arrow = draw(st.sampled_from(["", " -> ..." if ellipses else "->"]))
    return ", ".join(terms) + (arrow + "".join(result) if arrow else ""), shapes


@settings(max_examples=40)
@given(equations())
def test_einsum_of_any_equation(drawn):
    equation, shapes = drawn
    inputs = [torch.zeros(shape) for shape in shapes]

    def function(*operands):
        return torch.einsum(equation, *operands)

    assert counted(function, *inputs) == computed(function, *inputs)


def test_einsum_follows_a_path():
    inputs = torch.zeros(2, 3), torch.zeros(3, 5), torch.zeros(5, 7), torch.zeros(7, 11)

    def function(*operands):
        return torch._VF.einsum("ij,jk,kl,lm->im", operands, path=[2, 3, 0, 1, 0, 1])

    assert counted(function, *inputs) == 5 * 7 * 11 + 2 * 3 * 5 + 2 * 5 * 11
    assert counted(function, *inputs) == computed(function, *inputs)


@settings(max_examples=12)
@given(broadcast(), SIZE, SIZE, SIZE, SIZE, st.booleans(), st.data())
def test_attention_of_broadcast_batches(batches, length, others, width, values, causal, data):
    query = torch.zeros(*batches[0], length, width)
    key = torch.zeros(*batches[1], others, width)
    whole = torch.broadcast_shapes(*batches)
    kept = [n if data.draw(st.booleans()) else 1 for n in whole]
    value = torch.zeros(*kept, others, values)

    def function(q, k, v):
        return F.scaled_dot_product_attention(q, k, v, dropout_p=0.5, is_causal=causal)

    assert counted(function, query, key, value) == computed(function, query, key, value)
    mask = torch.zeros(length, others)
    assert counted(F.scaled_dot_product_attention, query, key, value, mask) == (
        prod(whole) * length * others * (width + values)
    )


@settings(max_examples=12)
@given(SIZE, SIZE, SIZE, SIZE)
def test_attention_with_fewer_heads_of_keys(batch, groups, times, length):
    query = torch.zeros(batch, groups * times, length, 4)
    key = torch.zeros(batch, groups, 5, 4)

    def function(q, k):
        return F.scaled_dot_product_attention(q, k, k, enable_gqa=True)

    assert counted(function, query, key) == batch * groups * times * length * 5 * 8
    assert counted(function, query, key) == computed(function, query, key)


@settings(max_examples=12)
@given(st.integers(1, 3), SIZE, SIZE, SIZE, SIZE, st.integers(1, 2), st.integers(1, 2), st.data())
def test_convolutions(d, groups, inputs, outputs, kernel, stride, dilation, data):
    of = {"groups": groups, "dilation": dilation, "bias": data.draw(st.booleans())}
    plain, back = getattr(nn, f"Conv{d}d"), getattr(nn, f"ConvTranspose{d}d")
    channels = groups * inputs, groups * outputs, kernel
    padding = data.draw(st.sampled_from([0, 1, "same", "valid"]))
    mode = data.draw(st.sampled_from(["zeros", "circular", "reflect", "replicate"]))
    stride = 1 if padding == "same" else stride
    images = torch.zeros(1, groups * inputs, *[8] * d)
    for module in (
        plain(*channels, stride=stride, padding=padding, padding_mode=mode, **of),
        back(*channels, stride=stride, output_padding=stride - 1, **of),
    ):
        expected = computed(module, images)
        assert counted(module, images) == expected > 0
        assert counted(module, images[0]) == expected  # without a batch


@settings(max_examples=12)
@given(
    st.sampled_from([nn.RNN, nn.GRU, nn.LSTM]),
    SIZE,
    SIZE,
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_recurrent_layers_multiply_each_weight_once_a_step(kind, steps, layers, both, bias, first):
    module = kind(3, 4, layers, bias=bias, bidirectional=both, batch_first=first)
    weights = sum(weight.numel() for weight in module.parameters() if weight.dim() == 2)
    for batch in ((2,), ()):
        sequence = torch.zeros(*((2, steps) if first and batch else (steps, *batch)), 3)
        assert counted(module, sequence) == steps * prod(batch) * weights
    if kind is not nn.LSTM:  # of which the CPU's is fused
        sequence = torch.zeros(steps, 3)
        assert computed(module, sequence) == steps * weights


def test_packed_sequences_have_no_steps_that_are_padded():
    class Packed(nn.GRU):
        def forward(self, x):
            packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([5, 2]))
            return super().forward(packed)[0].data

    assert counted(Packed(3, 4), torch.zeros(5, 2, 3)) == (5 + 2) * 3 * 4 * (3 + 4)


@pytest.mark.parametrize(
    ("module", "weights"), [(nn.RNNCell, 1), (nn.GRUCell, 3), (nn.LSTMCell, 4)]
)
def test_recurrent_cells(module, weights):
    assert counted(module(3, 4), torch.zeros(2, 3)) == 2 * weights * 4 * (3 + 4)


def test_complex_products_are_four_real_ones():
    numbers = torch.zeros(3, 5, dtype=torch.complex64)
    assert counted(lambda x: (x @ x.mH).real, numbers) == 4 * 3 * 5 * 3


@pytest.mark.parametrize("affine", [True, False])
def test_normalisation_is_by_number(affine):
    each = 5 if affine else 4
    images = torch.zeros(1, 8, 6, 6)
    for module in (
        nn.GroupNorm(2, 8, affine=affine),
        nn.InstanceNorm2d(8, affine=affine),
        nn.LayerNorm((8, 6, 6), elementwise_affine=affine),
        nn.RMSNorm((8, 6, 6), elementwise_affine=affine),
        nn.BatchNorm2d(8, affine=affine, track_running_stats=False),
    ):
        assert counted(module, images) == each * images.numel()
    assert counted(nn.BatchNorm2d(8, affine=affine), images) == (1 + affine) * images.numel()
    norm = nn.LayerNorm(6, elementwise_affine=affine)
    assert [counted(norm, torch.zeros(*[1] * n, 6)) for n in (0, 6)] == [each * 6] * 2


@pytest.mark.parametrize(
    ("mode", "dimensions", "each"),
    [
        ("nearest", 1, 1), ("nearest", 2, 1), ("nearest", 3, 1), ("nearest-exact", 2, 1),
        ("linear", 1, 2), ("bilinear", 2, 4), ("trilinear", 3, 8), ("bicubic", 2, 16),
    ],
)  # fmt: skip
def test_resizing_is_by_number_of_the_output(mode, dimensions, each):
    images = torch.zeros(1, 2, *[4] * dimensions)
    assert counted(nn.Upsample(scale_factor=2, mode=mode), images) == each * 2 * 8**dimensions


def test_what_shrinks_smoothly_looks_at_all_numbers():
    for mode, each in (("bilinear", 4), ("bicubic", 16)):
        for size, looked in ((4, 8), (16, 16)):
            module = Function(lambda x, m=mode, s=size: F.interpolate(x, s, mode=m, antialias=True))
            assert count(module, torch.zeros(1, 2, 8, 8))["flops"] == each * 2 * looked**2


def test_averages_and_grids():
    assert counted(nn.AdaptiveAvgPool1d(2), torch.zeros(1, 2, 6)) == 2 * 6
    assert counted(nn.AdaptiveAvgPool3d(1), torch.zeros(1, 2, 4, 4, 4)) == 2 * 64
    grid, aligned = torch.zeros(1, 3, 3, 2), {"align_corners": False}
    assert (
        counted(lambda x: F.grid_sample(x, grid, **aligned), torch.zeros(1, 2, 4, 4)) == 4 * 2 * 9
    )
    affine = counted(lambda x: F.affine_grid(x, [1, 1, 4, 4], **aligned), torch.zeros(1, 2, 3))
    assert affine == 16 * 2 * 3
