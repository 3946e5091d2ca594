"""Whether a run stays small: memory and disk over very many evaluations that take no time.

    python -m benchmarks.long_run --evaluations 100000 --strategy spos

Searches a made-up landscape of 40 choices in a process of its own, and prints after each tenth of
the evaluations the memory that it holds, and how much that has grown for each evaluation since the
first tenth. In the end: the most memory that reading the run for report.html took, the bytes that
run.sqlite has for each evaluation, and how long reading the finished run takes.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

from evo_nas.api import prepare
from evo_nas.core.progress import Silent
from evo_nas.results.result import load_result

SPACE = f"{Path(__file__).with_name('landscapes.py')}:Interactions?choices=40"
_PARTS = 10


class Memory(Silent):
    """Looks at the memory of this process as the search goes on."""

    def __init__(self, total: int) -> None:
        self._every = total // _PARTS
        self.seen: list[tuple[int, float]] = []  # evaluations, MiB

    def advance(self, done: float, note: str = "") -> None:
        if done >= self._every * (len(self.seen) + 1):
            self.seen.append((int(done), resident()))


def resident() -> float:
    """MiB of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--evaluations", type=int, default=100_000)
    parser.add_argument("--strategy", default="spos")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        prepared = prepare(
            SPACE, "700", strategy=arguments.strategy, evaluator="table",
            samples=arguments.evaluations, finalists=1, run_dir=Path(folder) / "run",
        )  # fmt: skip
        memory, before, began = Memory(arguments.evaluations), resident(), time.perf_counter()
        result = prepared.start(memory)
        print(f"{time.perf_counter() - began:,.0f} s in all; {before:.0f} MiB before it")
        first, least = memory.seen[0]
        for evaluations, held in memory.seen:
            each = (held - least) * 2**20 / max(evaluations - first, 1)
            print(f"{evaluations:>9,} evaluations: {held:6.1f} MiB, {each:5.0f} bytes more each")
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
        print(f"at most {most:,.0f} MiB, when it ended")
        size = sum(f.stat().st_size for f in result.folder.glob("run.sqlite*"))
        print(f"run.sqlite: {size / len(result.evaluations):.0f} bytes an evaluation")
        began, worked = time.perf_counter(), time.process_time()
        load_result(result.folder)
        took, worked = time.perf_counter() - began, time.process_time() - worked
        print(f"reading the run: {took:.1f} s, {worked:.1f} s of them at work")


if __name__ == "__main__":
    main()
