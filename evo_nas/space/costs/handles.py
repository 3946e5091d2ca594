"""What operators cost: functions of an operator's inputs and outputs, as fvcore calls them.

Products of matrices and convolutions are counted from the shapes that are computed, broadcasting
included; a product of complex numbers is four of real ones. Normalisation, resizing and averages
over adaptive windows are fvcore's estimates per number, and the same for operators like them.

Why: docs/decisions/035-counted-operators.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import zip_longest
from math import prod
from typing import Any, TypeAlias

from fvcore.nn.jit_handles import get_shape

from .einsum import einsum_products

Handle: TypeAlias = Callable[[list[Any], list[Any]], Any]  # operator's inputs, outputs -> FLOPs
_Handle: TypeAlias = Callable[[list[Any], list[Any]], int]


def _shape(value: Any) -> list[int]:
    shape = get_shape(value)
    if shape is None:
        raise ValueError("the shape of a tensor is not known before it is computed")
    return list(shape)


def _size(value: Any) -> int:
    return prod(_shape(value))


def _list(value: Any) -> list[Any]:
    return list(value.node().inputs())


def _of_complex(products: _Handle) -> _Handle:
    """The handle, four times where numbers are complex."""

    def handle(inputs: list[Any], outputs: list[Any]) -> int:
        dtype = outputs[0].type().dtype()
        return products(inputs, outputs) * (4 if dtype is not None and dtype.is_complex else 1)

    return handle


def _summed(position: int) -> _Handle:
    """Each number of the output is a sum over the last dimension of the input at ``position``."""
    return lambda inputs, outputs: _size(outputs[0]) * _shape(inputs[position])[-1]


def _summed_batches(inputs: list[Any], outputs: list[Any]) -> int:
    return _size(inputs[1]) * _shape(inputs[2])[-1]


def _tensordot(inputs: list[Any], outputs: list[Any]) -> int:
    left, right = _shape(inputs[0]), _shape(inputs[1])
    dims = [[dim.toIValue() for dim in _list(value)] for value in inputs[2:4]]
    summed: list[int] = [min(left[i], right[j]) for i, j in zip(*dims, strict=True)]
    return _size(outputs[0]) * prod(summed)


def _einsum(inputs: list[Any], outputs: list[Any]) -> int:
    path = [step.toIValue() for step in _list(inputs[2])] if len(inputs) > 2 else []
    return einsum_products(inputs[0].toIValue(), [_shape(each) for each in _list(inputs[1])], path)


def _convolution(inputs: list[Any], outputs: list[Any]) -> int:
    """Each number of the output is a sum over a filter's weights."""
    return _size(outputs[0]) * prod(_shape(inputs[1])[1:])


def _transposed(inputs: list[Any], outputs: list[Any]) -> int:
    """Each number of the input is spread by a filter's weights."""
    return _size(inputs[0]) * prod(_shape(inputs[1])[1:])


def _either_convolution(inputs: list[Any], outputs: list[Any]) -> int:
    return (_transposed if inputs[6].toIValue() else _convolution)(inputs, outputs)


def _attention(inputs: list[Any], outputs: list[Any]) -> int:
    """Queries by keys, and weights by values, whatever is masked.

    Heads and batches are those of the larger operand: they are broadcast, or heads of keys are
    shared by several of queries.
    """
    query, key, value = (_shape(tensor) for tensor in inputs[:3])
    leading = zip_longest(query[-3::-1], key[-3::-1], fillvalue=1)
    scores = prod(max(sizes) for sizes in leading) * query[-1]
    return query[-2] * key[-2] * (scores + prod(_shape(outputs[0])[:-2]) * value[-1])


def _recurrent(inputs: list[Any], outputs: list[Any]) -> int:
    """Every weight matrix is multiplied once a step, that is for each item of the sequences."""
    *_, weights = (value for value in inputs if value.node().kind() == "prim::ListConstruct")
    shapes = map(_shape, _list(weights))
    return prod(_shape(inputs[0])[:-1]) * sum(prod(shape) for shape in shapes if len(shape) == 2)


def _bilinear(inputs: list[Any], outputs: list[Any]) -> int:
    """As ``einsum("...i,oij,...j->...o")``."""
    rows, (out, first, second) = prod(_shape(inputs[0])[:-1]), _shape(inputs[2])
    return rows * out * second * (first + 1)


def _affine_grid(inputs: list[Any], outputs: list[Any]) -> int:
    return _size(outputs[0]) * (_shape(outputs[0])[-1] + 1)


_PRODUCTS: dict[str, _Handle] = {
    **dict.fromkeys(("matmul", "linalg_matmul", "mm", "bmm", "mv", "dot", "vdot"), _summed(0)),
    **dict.fromkeys(("inner", "linear", "cdist"), _summed(0)),
    **dict.fromkeys(("addmm", "addmm_", "addmv", "addmv_", "baddbmm", "baddbmm_"), _summed(1)),
    **dict.fromkeys(("addbmm", "addbmm_"), _summed_batches),
    **dict.fromkeys(("_convolution", "convolution"), _either_convolution),
    **dict.fromkeys(("_convolution_mode", "conv1d", "conv2d", "conv3d"), _convolution),
    **dict.fromkeys((f"conv_transpose{d}d" for d in (1, 2, 3)), _transposed),
    **dict.fromkeys(("rnn_tanh", "rnn_relu", "gru", "lstm"), _recurrent),
    "tensordot": _tensordot,
    "einsum": _einsum,
    "scaled_dot_product_attention": _attention,
    "bilinear": _bilinear,
    "affine_grid_generator": _affine_grid,
}


def _normalisation(affine: int) -> _Handle:
    """fvcore's estimate: 5 a number, 4 without weights, which are the input at ``affine``."""
    return lambda inputs, outputs: _size(inputs[0]) * (5 if get_shape(inputs[affine]) else 4)


def _batch_norm(inputs: list[Any], outputs: list[Any]) -> int:
    if inputs[5].toIValue():  # by the batch's own statistics, in evaluation, too
        return _normalisation(1)(inputs, outputs)
    return _size(inputs[0]) * (2 if get_shape(inputs[1]) else 1)


def _resized(taps: int) -> _Handle:
    """Each number of the output is made of so many of the input."""
    return lambda inputs, outputs: taps * _size(outputs[0])


def _antialiased(taps: int) -> _Handle:
    """Where an image shrinks, a number is made of as many more as it shrinks."""
    return lambda inputs, outputs: taps * prod(map(max, _shape(inputs[0]), _shape(outputs[0])))


def _grid_sample(inputs: list[Any], outputs: list[Any]) -> int:
    """As fvcore: linear, whatever the mode."""
    return _size(outputs[0]) * (4 if len(_shape(outputs[0])) == 4 else 8)


_ESTIMATES: dict[str, _Handle] = {
    **dict.fromkeys(("layer_norm", "group_norm", "rms_norm"), _normalisation(2)),
    "instance_norm": _normalisation(1),
    "batch_norm": _batch_norm,
    **dict.fromkeys((f"upsample_nearest{d}d" for d in (1, 2, 3)), _resized(1)),
    **dict.fromkeys((f"_upsample_nearest_exact{d}d" for d in (1, 2, 3)), _resized(1)),
    "upsample_linear1d": _resized(2),
    "upsample_bilinear2d": _resized(4),
    "upsample_trilinear3d": _resized(8),
    "upsample_bicubic2d": _resized(16),
    "_upsample_bilinear2d_aa": _antialiased(4),
    "_upsample_bicubic2d_aa": _antialiased(16),
    "grid_sampler": _grid_sample,
    **dict.fromkeys(
        (f"adaptive_avg_pool{d}d" for d in (1, 2, 3)), lambda inputs, outputs: _size(inputs[0])
    ),
}

PRODUCTS: Mapping[str, Handle] = {f"aten::{k}": _of_complex(v) for k, v in _PRODUCTS.items()}
ESTIMATES: Mapping[str, Handle] = {f"aten::{k}": v for k, v in _ESTIMATES.items()}
