"""What is computed while a module runs, seen by PyTorch below all that could hide it."""

from __future__ import annotations

from typing import Any

from torch._ops import HigherOrderOperator
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


class ComputedProducts(TorchDispatchMode):  # type: ignore[no-untyped-call]  # PyTorch's
    """Counts ``flops``, multiply-accumulates of products of matrices and of convolutions.

    Formulas are PyTorch's, for the operators that really run, with their real shapes. There are
    none for fused attention on the CPU and fused recurrent layers: it is a lower bound.
    ``torch.utils.flop_counter.FlopCounterMode`` counts the same, and loads PyTorch's compiler.
    """

    supports_higher_order_operators = True

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # PyTorch's
        self.flops = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # to skip the compiler it would have to be loaded, which takes seconds

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if isinstance(func, HigherOrderOperator):
            return NotImplemented
        options = kwargs or {}
        out = func(*args, **options)
        formula = flop_registry.get(func.overloadpacket)
        if formula is not None:
            self.flops += formula(*args, **options, out_val=out) // 2
        return out
