"""Reading a TOML file so that whatever is wrong is named by file, key and value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from evo_nas.core.plugins.modules import note
from evo_nas.core.validation import parse_toml, read_text, shown
from evo_nas.errors import SpaceError, nearest, plain

LARGEST = 1 << 20  # beyond any size of a network


class TomlTable:
    """A table of a TOML file, of which every key must be read; ``prefix`` says where it stands."""

    def __init__(self, path: Path, table: Mapping[str, Any], prefix: str = "") -> None:
        self.path, self._table, self._prefix = path, dict(table), prefix
        self._read: set[str] = set()

    @classmethod
    def of(cls, path: Path) -> TomlTable:
        """The whole file.

        Raises:
            SpaceError: it cannot be read, or is no TOML.
        """
        text = read_text(path, SpaceError)
        note(path, text)
        return cls(path, parse_toml(text, SpaceError, str(path)))

    def refuse(self, key: str, rule: str) -> NoReturn:
        """Raise a SpaceError that names the key, its value and what it must be."""
        value = f"is {shown(self._table[key])}" if key in self._table else "is missing"
        raise SpaceError(f"{self.path}: {self._prefix}{key} {value}; it must be {rule}")

    def section(self, key: str) -> TomlTable:
        """A table in this one, empty if it is not there."""
        self._read.add(key)
        if not isinstance(self._table.get(key, {}), dict):
            self.refuse(key, f"a section, [{self._prefix}{key}]")
        return TomlTable(self.path, self._table.get(key, {}), f"{self._prefix}{key}.")

    def text(self, key: str, default: str, known: Sequence[str] = ()) -> str:
        """A text, one of ``known`` if these are given."""
        self._read.add(key)
        value = self._table.get(key, default)
        if not isinstance(value, str) or (known and value not in known):
            self.refuse(key, f"one of {', '.join(known)}" if known else "a text in quotes")
        return value

    def whole(self, key: str, default: int | None = None, high: int = LARGEST) -> int:
        """A whole number from 1 to ``high``; without a default it must be there."""
        self._read.add(key)
        value = self._table.get(key, default)
        if type(value) is not int or not 1 <= value <= high:
            self.refuse(key, f"a whole number from 1 to {high}")
        return value

    def wholes(
        self,
        key: str,
        default: Sequence[int] | None = None,
        low: int = 1,
        high: int = LARGEST,
    ) -> tuple[int, ...]:
        """Different whole numbers from ``low`` to ``high``, as :meth:`numbers`."""
        values = self.numbers(key, default, low, high)
        if any(type(value) is not int for value in values):
            self.refuse(key, f"a list of whole numbers from {low} to {high}")
        return values  # type: ignore[return-value]  # checked

    def numbers(
        self,
        key: str,
        default: Sequence[float] | None = None,
        low: float = 0,
        high: float = LARGEST,
    ) -> tuple[float, ...]:
        """A list of different numbers from ``low`` to ``high``, one at least, in order."""
        self._read.add(key)
        values = self._table.get(key, default)
        rule = f"a list of different numbers from {low:g} to {high:g}, such as [{low + 1:g}]"
        if not isinstance(values, list | tuple) or not values:
            self.refuse(key, rule)
        if any(type(v) not in (int, float) or not low <= v <= high for v in values):
            self.refuse(key, rule)
        if len(set(values)) < len(values):
            self.refuse(key, rule)
        return tuple(sorted(values))

    def finish(self) -> None:
        """Raise a SpaceError if a key was never read."""
        for key in self._table:
            if key not in self._read:
                told = f"{self._prefix}{plain(key)}; {nearest(key, self._read)}"
                raise SpaceError(f"{self.path}: unknown key {told}")
