"""Ctrl-C and SIGTERM end a run between writes, never within one; a second one ends it at once.

What a run has recorded survives any end, kill -9 included. Ending between writes is politer: no
half-written temporary file is left, and what was about to be recorded is.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


class Stopped(KeyboardInterrupt):
    """A signal asked this process to stop; ``exit_code`` is what shells expect after it."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


class Interrupted(KeyboardInterrupt):
    """Work in Python was interrupted; the message says how to go on, which IPython shows alone."""

    def _render_traceback_(self) -> list[str]:
        return [f"KeyboardInterrupt: {self}"]


@dataclass
class _Asked:
    """What signals have asked of this process."""

    number: int | None = None  # the first signal that came
    raised: bool = False  # whether it has been acted upon: what cleans up after it writes, too
    writing: int = 0  # undivided sections that are open, one within another

    def stop_between_writes(self) -> None:
        if self.number is not None and not self.writing and not self.raised:
            self.raised = True
            raise Stopped(self.number)


_asked = _Asked()


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Let SIGINT and SIGTERM raise :class:`Stopped`, as soon as nothing is being written.

    A second signal ends the process without another step of Python. Only the main thread receives
    signals; in others this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [(number, signal.signal(number, _on_signal)) for number in numbers]
    try:
        yield
    finally:
        _asked.number, _asked.raised = None, False
        for number, handler in before:
            signal.signal(number, handler)


@contextmanager
def undivided() -> Iterator[None]:
    """A section that a first signal does not interrupt: it stops the process at its end."""
    _asked.writing += 1
    try:
        yield
    finally:
        _asked.writing -= 1
    _asked.stop_between_writes()


@contextmanager
def telling(go_on: str) -> Iterator[None]:
    """Let an interrupt of work in Python say how to go on; that by a signal stays as it is.

    Raises:
        Interrupted: in place of a KeyboardInterrupt.
    """
    try:
        yield
    except Stopped:
        raise
    except KeyboardInterrupt:
        raise Interrupted(f"stopped; go on with {go_on}") from None


def _on_signal(number: int, frame: FrameType | None) -> None:
    if _asked.number is not None:
        os._exit(128 + number)
    _asked.number = number
    _asked.stop_between_writes()
