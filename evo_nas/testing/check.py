"""What a check is: a name, and a call that returns, is skipped, or fails saying what to fix."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Generic, Literal, NoReturn, TypeVar
from unittest import SkipTest

from evo_nas.core.plugins.blame import ANYHOW, Breach, layer, own_frames, show_traceback

T = TypeVar("T")


class CheckFailed(AssertionError):  # noqa: N818  read as "check failed: ..."
    """A check found something to fix, which its message names."""


class ConformanceError(AssertionError):
    """A plug-in does not keep its contract: every failed check with what to do."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check found; ``message`` says what to fix, or why it was skipped."""

    name: str
    status: Literal["passed", "failed", "skipped"]
    message: str = ""

    @property
    def mistake(self) -> str:
        """What is the same in all checks that fail for one reason: an error's kind and line."""
        place = r" \(in layer [^,]+, \w+| \([^()]+, line \d+: .*\)"
        raised = re.search(rf"(\w*Error): .*?({place})", self.message)
        return "".join(raised.groups()) if raised else self.message


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one plug-in, to be called, as pytest does with its parameters."""

    name: str
    run: Callable[[], None]
    home: Callable[[], Path | None]  # the plug-in's own file, to tell what it raises by its line

    def __str__(self) -> str:
        return self.name

    def __call__(self) -> None:
        """Check.

        Raises:
            CheckFailed: saying what to fix.
            unittest.SkipTest: saying why nothing was checked; pytest knows it.
        """
        try:
            self.run()
        except (CheckFailed, SkipTest):
            raise
        except Breach as error:
            raise CheckFailed(str(error)) from error
        except ANYHOW as error:  # a plug-in may fail in any way
            show_traceback(error)
            raise CheckFailed(explain(error, self.home())) from error

    def outcome(self) -> Outcome:
        """The same as a value."""
        try:
            self()
        except CheckFailed as error:
            return Outcome(self.name, "failed", str(error))
        except SkipTest as reason:
            return Outcome(self.name, "skipped", str(reason))
        return Outcome(self.name, "passed")


def expect(condition: object, message: str) -> None:
    """Fail with the message unless the condition holds."""
    if not condition:
        raise CheckFailed(message)


def skip(reason: str) -> NoReturn:
    """Leave the check out."""
    raise SkipTest(reason)


def require(what: str, checks: Sequence[Check]) -> None:
    """Raise a ConformanceError that lists every check that failed, if any did."""
    outcomes = [check.outcome() for check in checks]
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    if failed:
        count = f"{len(failed)} of {len(outcomes)} checks"
        told = [f"- {o.name}: {message}" for o, message in told_once(failed)]
        raise ConformanceError("\n".join([f"{what} failed {count}:", *told]))


def told_once(outcomes: Iterable[Outcome]) -> Iterator[tuple[Outcome, str]]:
    """Outcomes, and what to say of each: of a mistake that was told before, which check did."""
    first: dict[str, str] = {}
    for outcome in outcomes:
        known = first.setdefault(outcome.mistake, outcome.name)
        again = outcome.status == "failed" and known != outcome.name
        yield outcome, f"the same mistake as in: {known}" if again else outcome.message


class Once(Generic[T]):
    """What several checks look at, made when the first of them does; one tells why it cannot be."""

    def __init__(self, make: Callable[[], T], otherwise: str) -> None:
        self._make, self._otherwise = make, otherwise

    @cached_property
    def _made(self) -> tuple[T] | BaseException:
        try:
            return (self._make(),)
        except ANYHOW as error:  # a plug-in may fail in any way
            return error

    def tell(self) -> T:
        """It, or what was raised."""
        if isinstance(self._made, BaseException):
            raise self._made
        return self._made[0]

    def get(self) -> T:
        """It; where that failed, the check is left out."""
        if isinstance(self._made, BaseException) and not isinstance(self._made, SkipTest):
            skip(self._otherwise)
        return self.tell()


def explain(error: BaseException, home: Path | None) -> str:
    """What was raised, and the line: of the plug-in's file, or of any that is not ours."""
    told = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    if isinstance(error, SyntaxError):
        return told  # it says so itself
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.line]
    own = [frame for frame in frames if home and Path(frame.filename).resolve() == home]
    if not (blamed := own or own_frames(error)):
        return told + layer(error)
    for frame in blamed[-1:]:
        told += f" ({Path(frame.filename).name}, line {frame.lineno}: {frame.line})"
    return told


def listed(names: Iterable[object], most: int = 3) -> str:
    """A few of the names, and how many more there are."""
    known = [str(name) for name in names]
    more = f" and {len(known) - most} more" if len(known) > most else ""
    return ", ".join(known[:most]) + more
