"""Costs as Python's whole numbers, whatever the code of a space counts with, or an error.

No module of torch is imported here, as none is by :mod:`evo_nas.space.space`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial, wraps
from typing import Any

from evo_nas.core.validation import shown
from evo_nas.errors import SpaceError

_LOWEST = {"costs": 0, "slot_costs": 0, "fixed_costs": -math.inf}


def is_cost(costs: object, lowest: float = 0) -> bool:
    """Whether this is whole numbers of FLOPs and parameters."""
    if not isinstance(costs, Mapping) or costs.keys() != {"flops", "params"}:
        return False
    return all(type(cost) is int and cost >= lowest for cost in costs.values())


def convert_costs(space_class: type) -> None:
    """Have the methods that a class defines give what :func:`integers` makes of their costs."""
    for name in _LOWEST.keys() & vars(space_class).keys():
        converted = _converted_table if name == "slot_costs" else _converted
        setattr(space_class, name, converted(vars(space_class)[name], name))


def _converted(method: Any, name: str) -> Callable[..., Any]:
    @wraps(method)
    def costs(space: Any, genome: Any) -> Mapping[str, int]:
        given = method.__get__(space)(genome)
        return integers(given, lambda: f"space {space.name}: {name}({genome})", _LOWEST[name])

    return costs


def _converted_table(method: Any, name: str) -> Callable[..., Any]:
    @wraps(method)
    def slot_costs(space: Any, slot: str, context: Any) -> Any:
        given = method.__get__(space)(slot, context)
        if not isinstance(given, Mapping):
            return given
        # A table is large, and asked for often: the last one of each slot is known.
        known = vars(space).setdefault("_integer_tables", {})
        before, table = known.get((method.__qualname__, slot), (None, given))
        if given is not before:
            told = f"space {space.name}: {name}({slot!r}, {context})"
            table = _integer_table(given, told)
            known[method.__qualname__, slot] = given, table
        return table

    return slot_costs


def _integer_table(given: Mapping[Any, Any], told: str) -> Mapping[Any, Mapping[str, int]]:
    if all(map(is_cost, given.values())):
        return given
    return {
        value: integers(cost, partial("{}[{}]".format, told, value))
        for value, cost in given.items()
    }


def integers(given: Any, told: Callable[[], str], lowest: float = 0) -> Mapping[str, int]:
    """Costs with each number as an int: one of NumPy or PyTorch, a bool, and 5.0 as well.

    Raises:
        SpaceError: FLOPs or parameters are missing, no whole number, or below ``lowest``; ``told``
            says whose they are.
    """
    if is_cost(given, lowest):
        return given  # type: ignore[no-any-return]
    try:
        made = {name: _integer(cost) for name, cost in given.items()}
    except (AttributeError, TypeError, ValueError, ArithmeticError, RuntimeError):
        made = {}
    if not is_cost(made, lowest):
        least = ", 0 or more" if lowest == 0 else ""
        raise SpaceError(
            f"{told()} is {shown(given)}; return 'flops' and 'params', whole numbers{least}"
        )
    return made


def _integer(cost: Any) -> int:
    number = cost.item() if hasattr(cost, "item") else cost  # NumPy's and PyTorch's have it
    made = int(number)
    if made != number:
        raise ValueError("it has a fraction, or is a text")
    return made
