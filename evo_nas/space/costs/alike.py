"""What was found out of a space holds for those that are alike, in the same process.

A comparison prepares the same space for each of its runs, and a run loads it for its plan, its
search and its page: what takes building or counting networks is done once. Alike are spaces of one
class that hold the same, themselves and their classes. A file that was edited gives another class.

Why: docs/decisions/052-alike-spaces.md.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from functools import cached_property
from hashlib import sha256
from typing import Any

from evo_nas.space.space import Space

_MOST = 64  # spaces of which something is known
_CACHES = {"_asked", "_asked_at", "_integer_tables"}  # what the engine itself keeps in a space

# By what they hold; with the functions of their classes, whose places in memory no other may take.
_known: dict[bytes, tuple[list[object], dict[Any, Any]]] = {}


def found_of_alike(space: Space) -> dict[Any, Any]:
    """What was found out of spaces like this one, by what it is: to be read, and to be added to.

    Of one that holds what cannot be written, such as a lambda, nothing is known of others.
    """
    functions = list(_functions(space))
    held = [_attributes(space), [id(each) for each in functions]]
    held += [_values(each) for each in _classes(space)]
    try:
        digest = sha256(pickle.dumps(held)).digest()
    except Exception:  # somebody's object may refuse in any way
        return {}
    if digest not in _known and len(_known) >= _MOST:
        del _known[next(iter(_known))]
    return _known.setdefault(digest, (functions, {}))[1]


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
