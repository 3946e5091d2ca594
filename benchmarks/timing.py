"""Timing for the benchmarks: medians of repeats, the two sides by turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def medians(first: Callable[[], object], second: Callable[[], object], repeats: int) -> list[float]:
    """The median seconds of each, measured by turns, so that a busy machine slows both."""
    seconds: list[list[float]] = [[], []]
    for _ in range(repeats):
        for times, work in zip(seconds, (first, second), strict=True):
            began = time.perf_counter()
            work()
            times.append(time.perf_counter() - began)
    return [statistics.median(times) for times in seconds]


def report(slow: str, slow_seconds: float, fast: str, fast_seconds: float) -> None:
    """Print both times and their ratio."""
    print(f"{slow}: {slow_seconds:.3g} s")
    print(f"{fast}: {fast_seconds:.3g} s")
    print(f"ratio: {slow_seconds / fast_seconds:,.2f}")
