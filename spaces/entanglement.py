"""Weight entanglement (AutoFormer, section 3.2): all networks are slices of the largest.

The modules of a path are *hollow*: they have the structure and the buffers of a stand-alone
network's, and no weights of their own. While one runs, a :class:`Loan` lends it slices of the
largest module's weights.

How a weight is made up decides which slice that is. The rows of queries, keys and values, for
instance, are made of three parts, heads, and numbers of a head; a smaller module has the first of
each. A module says so by a method ``layout``; the rest is made of rows and columns, of which a
smaller module has the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from math import prod
from typing import Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

Place: TypeAlias = Literal["first", "middle", "last"]


class Part(NamedTuple):
    """A factor of a dimension: its size, and where in a larger one a smaller one lies."""

    size: int
    place: Place = "first"

    def within(self, whole: Part) -> slice:
        """Where this part lies in a larger one."""
        free = whole.size - self.size
        assert free >= 0, f"{self.size} is no part of {whole.size}"
        start = {"first": 0, "middle": free // 2, "last": free}[self.place]
        return slice(start, start + self.size)


Layout: TypeAlias = Mapping[str, tuple[tuple[Part, ...], ...]]  # of each weight and dimension


def layout(module: nn.Module) -> Layout:
    """The parts of each of a module's weights, dimension by dimension."""
    found: dict[str, tuple[tuple[Part, ...], ...]] = {}
    for name, weight in module.named_parameters():
        found[name] = tuple((Part(size),) for size in weight.shape)
    for prefix, owner in module.named_modules():
        own: Layout = owner.layout() if hasattr(owner, "layout") else {}
        found.update({f"{prefix}.{name}" if prefix else name: own[name] for name in own})
    return found


def part_of(
    weight: Tensor, whole: tuple[tuple[Part, ...], ...], wanted: tuple[tuple[Part, ...], ...]
) -> Tensor:
    """The slice of a weight that a smaller module of layout ``wanted`` has; a view if it can be."""
    pairs = [
        (large, small)
        for larges, smalls in zip(whole, wanted, strict=True)
        for large, small in zip(larges, smalls, strict=True)
    ]
    parts = weight.view([large.size for large, _ in pairs])
    sliced = parts[tuple(small.within(large) for large, small in pairs)]
    return sliced.reshape([prod(part.size for part in parts) for parts in wanted])


class Loan:
    """Lends slices of the largest module's weights to a smaller one, which it makes hollow.

    As a context manager; outside of it the smaller module has no weights.

    Args:
        largest: has the weights.
        hollow: of the same structure; may have been made on the meta device. Its buffers are made
            anew, on the CPU.
    """

    def __init__(self, largest: nn.Module, hollow: nn.Module) -> None:
        wholes, wanted = layout(largest), layout(hollow)
        self._slices = []
        for name in wanted:
            owner, _, leaf = name.rpartition(".")
            lender, borrower = largest.get_submodule(owner), hollow.get_submodule(owner)
            self._slices.append((lender, borrower, leaf, wholes[name], wanted[name]))
        self._give_back()
        for module in hollow.modules():
            for name, buffer in module._buffers.items():
                if buffer is not None:
                    module._buffers[name] = torch.zeros_like(buffer, device="cpu")
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.reset_running_stats()

    def __enter__(self) -> None:
        for lender, borrower, leaf, whole, wanted in self._slices:
            weight = lender._parameters[leaf]
            assert weight is not None, "the largest module has all weights"
            borrower._parameters[leaf] = part_of(weight, whole, wanted)  # type: ignore[assignment]

    def __exit__(self, *error: object) -> None:
        self._give_back()

    def _give_back(self) -> None:
        for _, borrower, leaf, _, _ in self._slices:
            borrower._parameters[leaf] = None


def run_on_loan(hidden: Tensor, run: Callable[[Tensor], Tensor], loans: Iterable[Loan]) -> Tensor:
    """Run a step whose modules are hollow."""
    with ExitStack() as stack:
        for loan in loans:
            stack.enter_context(loan)
        return run(hidden)
