"""FLOPs and parameters of modules, counted by fvcore. 1 FLOP = 1 multiply-accumulate.

Linear layers, convolutions, products of matrices and normalisation are counted (:mod:`.handles`).
Activations, sums, softmax and whatever only moves data are free (:mod:`.free`), by fvcore's
convention and that of published figures. What is neither counted nor free is an error: an operator
left out unseen is how published FLOPs come to disagree. PyTorch's own counter sees what the same
module computes: where it sees more products, that is an error, too.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from fvcore.nn import FlopCountAnalysis
from torch import Tensor, nn

from evo_nas.errors import SpaceError
from evo_nas.space.space import Costs

from .free import is_free
from .handles import ESTIMATES, PRODUCTS, Handle
from .products import ComputedProducts


def count(
    module: nn.Module, *inputs: Tensor, handles: Mapping[str, Handle | None] | None = None
) -> Costs:
    """The costs of one forward pass in evaluation mode; the module is left as it was.

    Args:
        module: may be on the meta device, that is without memory for its weights.
        inputs: tensors of batch size 1, so that the figures are those of one image.
        handles: fvcore handles for further operators, such as ``{"aten::fft_fft": None}``; None
            says that the operator is free.

    Returns:
        "flops", multiply-accumulates, and "params", the number of parameters.

    Raises:
        SpaceError: the module runs an operator that has no handle, or cannot be traced.
    """
    if any(tensor.is_meta for tensor in [*module.parameters(), *module.buffers()]):
        # Tracing needs tensors that are there; their values do not matter.
        module = copy.deepcopy(module).to_empty(device="cpu")
    # fvcore goes on counting what it knows where it is told None.
    own = {name: handle or (lambda *_: 0) for name, handle in (handles or {}).items()}
    # Two passes, each with inputs of its own, which may be changed in place.
    traced, run = (tuple(tensor.clone() for tensor in inputs) for _ in range(2))
    analysis = FlopCountAnalysis(module, traced)
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    analysis.set_op_handle(**{**PRODUCTS, **ESTIMATES, **own})
    kind = type(module).__name__
    with _evaluation(module):
        with ComputedProducts() as computed:  # in a pass of its own: tracing is disturbed by it
            module(*run)
        try:
            flops = int(analysis.total())
        except Exception as error:
            told = str(error).strip().partition("\n")[0]
            raise SpaceError(
                f"the FLOPs of {kind} cannot be counted, as torch.jit does not trace it "
                f"({type(error).__name__}: {told}); write it with plain modules, or derive from "
                "Space and define costs"
            ) from error
    unknown = sorted(name for name in analysis.unsupported_ops() if not is_free(name))
    if unknown:
        raise SpaceError(
            f"the FLOPs of operator {unknown[0]} in {kind} are not known; write it with other "
            f"operators, or give the space a handle: flop_handles = {{{unknown[0]!r}: None}} if it "
            "is free, or a function of its inputs and outputs that gives its FLOPs"
        )
    estimates = (name.removeprefix("aten::") for name in ESTIMATES if name not in own)
    products = flops - sum(analysis.by_operator()[name] for name in estimates)
    if computed.flops > products:
        raise SpaceError(
            f"{kind} computes {computed.flops:,} multiply-accumulates in products "
            f"of matrices and convolutions, and {products:,} of its operators' FLOPs are known: "
            "some are hidden in scripted functions, make nothing of what it returns, or have a "
            "handle that gives too few"
        )
    return {"flops": flops, "params": sum(weight.numel() for weight in module.parameters())}


@contextmanager
def _evaluation(module: nn.Module) -> Iterator[None]:
    """The module in evaluation mode, without gradients, warnings and PyTorch's fused encoder.

    The fused operators of attention compute the same, and would hide it.
    """
    modes = {part: part.training for part in module.modules()}
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module.eval()
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
        for part, training in modes.items():
            part.training = training
