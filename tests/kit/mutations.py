"""Valid documents with one value changed, and what must come of them.

Documents are what TOML and JSON hold: nested dictionaries and lists. For any change a reader gives
a value, or one EvoNasError of one line that names the file and the key; never another exception.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from evo_nas.core.validation import shown
from evo_nas.errors import EvoNasError, plain

NAMES = st.text(max_size=5) | st.sampled_from(["a\nb", "\x1b[2J", "name", "x" * 200])
SIMPLE = st.one_of(
    st.booleans(), st.integers(-3, 300), st.sampled_from([2**31, 2**63, 10**30, 10**400]),
    st.floats(), st.sampled_from([0.5, 2.0, 1e300]), NAMES,
)  # fmt: skip
VALUES = st.recursive(
    SIMPLE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=4,
)


@dataclass(frozen=True)
class Changed:
    """A document, and the names of what was changed in it."""

    document: Any
    names: tuple[str, ...]


def places(document: Any, named: str = "") -> Iterator[tuple[Any, Any, str]]:
    """All containers with the keys in them, and the name of each; of an item, its list's."""
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in items:
        name = key if isinstance(key, str) else named
        yield document, key, name
        if isinstance(value, dict | list):
            yield from places(value, name)


@st.composite
def changes(draw: st.DrawFn, document: Any, values: st.SearchStrategy[Any] = VALUES) -> Changed:
    """One value replaced or left out, one more, or a key called otherwise."""
    document = copy.deepcopy(document)
    holder, key, name = draw(st.sampled_from(list(places(document))))
    kind = draw(st.sampled_from(["replace", "replace", "replace", "remove", "add", "rename"]))
    if kind == "replace":
        holder[key] = draw(values)
    elif kind == "remove":
        del holder[key]
    elif isinstance(holder, list):
        holder.append(draw(values))
    else:
        new = draw(NAMES)
        holder[new] = holder.pop(key) if kind == "rename" else draw(values)
        return Changed(document, (name, new) if kind == "rename" else (new,))
    return Changed(document, (name,))


def read_or_refused(
    read: Callable[[Path], Any], path: Path, names: tuple[str, ...], also: tuple[str, ...] = ()
) -> Any:
    """What ``read`` makes of the file, None where it refuses it as it should.

    The message tells one of ``names``, or of ``also``: keys that must fit the changed ones.
    """
    try:
        return read(path)
    except EvoNasError as error:
        said = str(error)
        assert str(path) in said
        assert said.isprintable()
        told = [form[:90] for name in (*names, *also) for form in (shown(name)[1:-1], plain(name))]
        assert any(form in said for form in told), said  # a key is told plainly, a value quoted
        return None
