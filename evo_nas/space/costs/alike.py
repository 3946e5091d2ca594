"""What was found out of a space holds for those that are alike, as long as one command goes on.

A comparison prepares the same space for each of its runs, and a run loads it for its plan, its
search and its page: what takes building or counting networks is done once. Alike are spaces of one
class that hold the same, themselves and their classes. A file that was edited gives another class.
What else a space may depend on, such as its environment, is taken for the same within a command.

Why: docs/decisions/052-alike-spaces.md.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from hashlib import sha256
from typing import Any, TypeAlias

from evo_nas.space.space import Space

_CACHES = {"_asked", "_asked_at", "_integer_tables"}  # what the engine itself keeps in a space

# What was found, by what spaces hold; with the functions of their classes, whose places in memory
# no other may take meanwhile.
Found: TypeAlias = dict[bytes, tuple[list[object], dict[Any, Any]]]
_scope: ContextVar[Found | None] = ContextVar("found", default=None)


@contextmanager
def sharing(found: Found | None = None) -> Iterator[Found]:
    """Spaces that are alike are asked once in here.

    Within another such block, and after one whose ``found`` is given, what was found there holds.
    """
    outer = _scope.get()
    found = found if found is not None else outer if outer is not None else {}
    token = _scope.set(found)
    try:
        yield found
    finally:
        _scope.reset(token)


def found_of_alike(space: Space) -> dict[Any, Any]:
    """What was found out of spaces like this one, by what it is: to be read, and to be added to.

    Of one that holds what cannot be written, such as a lambda, nothing is known of others, and of
    none outside of :func:`sharing`.
    """
    scope = _scope.get()
    if scope is None:
        return {}
    functions = list(_functions(space))
    held = [_attributes(space), [id(each) for each in functions]]
    held += [_values(each) for each in _classes(space)]
    try:
        digest = sha256(pickle.dumps(held)).digest()
    except Exception:  # somebody's object may refuse in any way
        return {}
    return scope.setdefault(digest, (functions, {}))[1]


def _attributes(space: Space) -> dict[str, Any]:
    cls = type(space)
    derived = {n for n in vars(space) if isinstance(getattr(cls, n, None), cached_property)}
    return {n: value for n, value in vars(space).items() if n not in _CACHES | derived}


def _classes(space: Space) -> tuple[type, ...]:
    """Its class, and those between it and the contract."""
    mro = type(space).__mro__
    return mro[: mro.index(Space)]


def _values(cls: type) -> dict[str, Any]:
    own = {n: value for n, value in vars(cls).items() if not n.startswith(("__", "_abc"))}
    return {n: value for n, value in own.items() if not hasattr(value, "__get__")}


def _functions(space: Space) -> Iterator[object]:
    """Its classes with their methods, properties and the like: they are what they are."""
    for cls in _classes(space):
        yield cls
        yield from (value for value in vars(cls).values() if hasattr(value, "__get__"))
