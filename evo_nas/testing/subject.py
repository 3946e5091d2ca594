"""A plug-in under test: loaded once for all checks, again where a check needs another one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

from evo_nas.core.plugins import registry
from evo_nas.core.plugins.blame import ANYHOW
from evo_nas.errors import EvoNasError

from .check import Check, CheckFailed, explain, skip, source_of

T = TypeVar("T")


class Subject(Generic[T]):
    """A plug-in of a kind, given as a spec, a class or function that makes it, or an object."""

    def __init__(self, kind: str, base: type[T], given: object) -> None:
        self.kind, self.base, self.given = kind, base, given
        # An object that was loaded by the registry can be loaded by it again.
        self.spec: str | None = given if isinstance(given, str) else getattr(given, "spec", None)

    @property
    def can_be_made_again(self) -> bool:
        """Whether :meth:`make` gives another object each time."""
        return self.spec is not None or not isinstance(self.given, self.base)

    def make(self) -> T:
        """Another one; the given object itself if nothing is known of how it was made."""
        if self.spec is not None:
            made = registry.load(self.kind, self.spec)
        elif isinstance(self.given, self.base):
            made = self.given
        elif callable(self.given):
            made = self.given()
        else:
            raise CheckFailed(f"{self.given!r} is neither a spec nor {self._what}")
        if not isinstance(made, self.base):
            raise CheckFailed(
                f"it is a {type(made).__name__}; derive its class from "
                f"{self.base.__module__}.{self.base.__name__}"
            )
        return made

    @property
    def _what(self) -> str:
        return f"a {self.base.__name__}, nor a class or function that makes one"

    @cached_property
    def _loaded(self) -> T | CheckFailed:
        try:
            return self.make()
        except CheckFailed as error:
            return error
        except EvoNasError as error:
            return CheckFailed(str(error))  # where it was raised is in it
        except ANYHOW as error:
            return CheckFailed(explain(error, None))

    @property
    def it(self) -> T:
        """The plug-in; where it cannot be loaded, checks are skipped but the one that says so."""
        loaded = self._loaded
        return skip("it cannot be loaded") if isinstance(loaded, CheckFailed) else loaded

    def check_loads(self) -> None:
        """The check that says why it cannot be loaded."""
        loaded = self._loaded
        if isinstance(loaded, CheckFailed):
            raise loaded

    def home(self) -> Path | None:
        """The plug-in's own file."""
        loaded = self._loaded
        return None if isinstance(loaded, CheckFailed) else source_of(loaded)


def as_checks(
    subject: Subject[Any], named: Sequence[tuple[str, Callable[[], None]]]
) -> list[Check]:
    """Named methods as checks of a subject, after the one that it loads."""
    first = ("it loads", subject.check_loads)
    return [Check(name, run, subject.home) for name, run in (first, *named)]
