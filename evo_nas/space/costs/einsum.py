"""Multiplications of ``torch.einsum``, which multiplies two operands at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import prod
from string import ascii_letters

_Sizes = dict[str, int]  # of an operand's labels, those of size 1 left out: they are broadcast


def einsum_products(equation: str, shapes: Sequence[Sequence[int]], path: Sequence[int]) -> int:
    """The multiply-accumulates of an equation for operands of these shapes.

    What one operand alone sums over is summed before, and what is not summed is multiplied number
    by number: both are free. ``path`` is opt_einsum's, two positions a step; without, operands are
    multiplied from left to right.
    """
    terms, result = _labels(equation.replace(" ", ""), [len(shape) for shape in shapes])
    operands = [
        {label: size for label, size in zip(term, shape, strict=True) if size != 1}
        for term, shape in zip(terms, shapes, strict=True)
    ]
    products = 0
    for step in range(len(operands) - 1):
        first, second = sorted(path[2 * step : 2 * step + 2] or (0, 1))
        right, left = operands.pop(second), operands.pop(first)
        kept = set(result).union(*operands)
        left, right = _needed(left, kept | set(right)), _needed(right, kept | set(left))
        both = left | right
        if (left.keys() & right.keys()) - kept:
            products += prod(both.values())
        operands.insert(len(operands) if path else 0, _needed(both, kept))
    return products


def _needed(operand: _Sizes, labels: set[str]) -> _Sizes:
    return {label: size for label, size in operand.items() if label in labels}


def _labels(equation: str, dimensions: Sequence[int]) -> tuple[list[str], str]:
    """The labels of operands and result, with one for each dimension of an ellipsis.

    Ellipses are aligned at their ends, as shapes are that are broadcast.
    """
    left, arrow, result = equation.partition("->")
    terms = left.split(",")
    spans = [
        "".join(map(chr, range(1000 - (d - len(term) + 3), 1000))) if "..." in term else ""
        for term, d in zip(terms, dimensions, strict=True)
    ]
    ellipsis = max(spans, key=len)
    if not arrow:
        seen = Counter(label for label in left if label in ascii_letters)
        result = "..." + "".join(sorted(label for label, times in seen.items() if times == 1))
    named = [term.replace("...", span) for term, span in zip(terms, spans, strict=True)]
    return named, result.replace("...", ellipsis)
