"""A plug-in under test: loaded once for all checks, again where a check needs another one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar
from unittest import SkipTest

from evo_nas.core.plugins import registry
from evo_nas.errors import EvoNasError
from evo_nas.space.space import Space

from .check import Check, CheckFailed, Once, skip
from .small_space import SmallSpace

T = TypeVar("T")
Method = TypeVar("Method", bound=Callable[..., None])


def named(name: str) -> Callable[[Method], Method]:
    """Make a method of a :class:`Subject` one of its checks."""

    def mark(method: Method) -> Method:
        method.named = name  # type: ignore[attr-defined]
        return method

    return mark


class Subject(Generic[T]):
    """A plug-in, given as a spec, a class or function that makes it, or an object.

    A subclass says of which ``kind`` and class (``base``) it is, and has the checks: methods that
    are :func:`named`, made in the order in which they are written.
    """

    kind: str
    base: type[T]

    def __init__(self, given: object) -> None:
        self._given = given
        # An object that was loaded by the registry can be loaded by it again.
        self.spec: str | None = given if isinstance(given, str) else getattr(given, "spec", None)
        self._loaded = Once(self.make, "it cannot be loaded")

    def checks(self) -> list[Check]:
        """All of them, those of base classes first."""
        return [
            Check(method.named, getattr(self, key), self._home)
            for cls in reversed(type(self).__mro__)
            for key, method in vars(cls).items()
            if hasattr(method, "named")
        ]

    @property
    def it(self) -> T:
        """The plug-in; where it cannot be loaded, checks are skipped but the one that says so."""
        return self._loaded.get()

    @named("it loads")
    def _loads(self) -> None:
        self._loaded.tell()

    def make(self) -> T:
        """Another one; the given object itself if nothing is known of how it was made."""
        made: Any = self._given
        if self.spec is not None:
            try:
                made = registry.load(self.kind, self.spec)
            except EvoNasError as error:
                raise CheckFailed(str(error)) from error  # where it was raised is in it
        elif not isinstance(made, self.base):
            if not callable(made):
                raise CheckFailed(
                    f"{made!r} is neither a spec nor a {self.base.__name__}, nor a class or "
                    "function that makes one"
                )
            made = made()
        if not isinstance(made, self.base):
            raise CheckFailed(
                f"it is a {type(made).__name__}; derive its class from "
                f"{self.base.__module__}.{self.base.__name__}"
            )
        return made

    def needs_another(self) -> None:
        """Skip the check where :meth:`make` would give the same object again."""
        if self.spec is None and isinstance(self._given, self.base):
            skip("an object was given; give a spec or the class to have it made twice")

    def _home(self) -> Path | None:
        """The plug-in's own file."""
        try:
            found = inspect.getsourcefile(type(self.it))
        except (SkipTest, TypeError):  # TypeError: a class that no file has
            return None
        return None if found is None else Path(found).resolve()


class OnSpace(Subject[T]):
    """A plug-in that is tried on a space: its spec, an object, or by default the small one."""

    def __init__(self, given: object, space: str | Space | None) -> None:
        super().__init__(given)
        # By a spec, so that another process can load it too.
        self._space = space or f"{SmallSpace.__module__}:{SmallSpace.__name__}"

    @cached_property
    def space(self) -> Space:
        """What it is tried on."""
        if isinstance(self._space, Space):
            return self._space
        loaded: Space = registry.load("space", self._space)
        return loaded
