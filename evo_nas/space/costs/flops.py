"""FLOPs and parameters of modules, counted by fvcore. 1 FLOP = 1 multiply-accumulate.

fvcore counts linear, convolution, matrix product and normalisation operators. Activations, sums,
softmax and whatever only moves data are free, by its convention and that of published figures.
What is neither counted nor free here is an error: an operator left out unseen is how published
FLOPs come to disagree.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Mapping
from math import prod
from typing import Any, TypeAlias

import torch
from fvcore.nn import FlopCountAnalysis
from fvcore.nn.jit_handles import get_shape
from torch import Tensor, nn

from evo_nas.errors import SpaceError
from evo_nas.space.space import Costs

Handle: TypeAlias = Callable[[list[Any], list[Any]], Any]  # operator's inputs, outputs -> FLOPs

# fvcore leaves out some operators by itself; these are free, too.
_FREE = (
    *("add", "add_", "sub", "rsub", "mul", "mul_", "div", "div_", "neg", "exp", "sqrt", "pow"),
    *("relu6", "hardtanh", "hardtanh_", "leaky_relu", "gelu", "silu", "silu_", "sigmoid", "tanh"),
    *("hardswish", "hardswish_", "hardsigmoid", "hardsigmoid_", "elu", "glu", "softplus"),
    *("softmax", "log_softmax", "mean", "sum", "max_pool2d", "avg_pool2d", "feature_dropout"),
    *("lt", "alias", "clone", "pad", "repeat", "expand_as", "movedim", "unflatten", "lift_fresh"),
)


def count(
    module: nn.Module, *inputs: Tensor, handles: Mapping[str, Handle | None] | None = None
) -> Costs:
    """The costs of one forward pass in evaluation mode; the module is left as it was.

    Args:
        module: may be on the meta device, that is without memory for its weights.
        inputs: tensors of batch size 1, so that the figures are those of one image.
        handles: fvcore handles for further operators, such as ``{"aten::cumsum": None}``; None says
            that the operator is free.

    Returns:
        "flops", multiply-accumulates, and "params", the number of parameters.

    Raises:
        SpaceError: the module runs an operator that has no handle.
    """
    if any(tensor.is_meta for tensor in [*module.parameters(), *module.buffers()]):
        # Tracing needs tensors that are there; their values do not matter.
        module = copy.deepcopy(module).to_empty(device="cpu")
    analysis = FlopCountAnalysis(module, inputs)
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    analysis.tracer_warnings("none")
    analysis.set_op_handle(**{f"aten::{name}": None for name in _FREE})
    analysis.set_op_handle("aten::scaled_dot_product_attention", _attention_flops)
    analysis.set_op_handle(**dict(handles or {}))
    modes = {part: part.training for part in module.modules()}
    try:
        with torch.no_grad():
            module.eval()
            flops = int(analysis.total())
    finally:
        for part, training in modes.items():
            part.training = training
    unknown = sorted(analysis.unsupported_ops())
    if unknown:
        raise SpaceError(
            f"the FLOPs of operator {unknown[0]} in {type(module).__name__} are not known; write "
            "it with other operators, or give evo_nas.space.costs.flops.count an fvcore handle "
            f"(handles={{{unknown[0]!r}: None}} if it is free)"
        )
    return {"flops": flops, "params": sum(weight.numel() for weight in module.parameters())}


def _attention_flops(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """Two matrix products: queries by keys, and weights by values."""
    query, key, value = (get_shape(tensor) for tensor in inputs[:3])
    batch, length, width = prod(query[:-2]), query[-2], query[-1]
    return Counter({"matmul": batch * length * key[-2] * (width + value[-1])})
