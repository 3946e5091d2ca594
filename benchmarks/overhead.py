"""The engine's own time for a candidate, when scoring takes next to none: the table evaluator.

    python -m benchmarks.overhead nas-bench-macro_cifar10.json
    python -m benchmarks.overhead nas-bench-macro_cifar10.json --strategy regularized --flops 55.4M

Searches as `evo-nas run --evaluator table` does, with several seeds, and prints microseconds a
candidate, of the seed in the middle, with the shares of its parts. What is done once a run, such as
reading the table, is not counted.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

from evo_nas.api import prepare
from evo_nas.core.plugins import registry
from evo_nas.search import stage
from evo_nas.search.loop import Loop
from evo_nas.search.scoring import Scorer
from evo_nas.search.store.store import Store

SEARCH = "the rest"


class Stopwatch:
    """Seconds by part of the search; a part's time does not include that of parts it calls."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._running: list[str] = []
        self._since = 0.0

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with its time added to a part."""

        def call(*arguments: Any, **options: Any) -> Any:
            if not self._running and part != SEARCH:
                return function(*arguments, **options)
            self._switch()
            self._running.append(part)
            try:
                return function(*arguments, **options)
            finally:
                self._switch()
                self._running.pop()

        return call

    def _switch(self) -> None:
        now = time.perf_counter()
        if self._running:
            self.seconds[self._running[-1]] += now - self._since
        self._since = now


def main() -> None:
    arguments = _arguments()
    runs = sorted((_run(arguments, seed) for seed in range(arguments.seeds)), key=Counter.total)
    middle = runs[len(runs) // 2]
    print(
        f"{arguments.strategy} within {arguments.flops}, {arguments.samples} samples: "
        f"{middle.total():.0f} us a candidate ({runs[0].total():.0f} to {runs[-1].total():.0f} "
        f"over {len(runs)} seeds)"
    )
    for part, own in middle.most_common():
        print(f"  {part:<24}{own:6.0f} us {own / middle.total():6.0%}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", type=Path, help="the published table of NAS-Bench-Macro")
    parser.add_argument("--strategy", default="spos")
    parser.add_argument("--flops", default="1.4G")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=5)
    return parser.parse_args()


def _run(arguments: argparse.Namespace, seed: int) -> Counter[str]:
    """Microseconds a candidate by part."""
    watch = Stopwatch()
    strategy = type(registry.load("strategy", arguments.strategy))
    evaluator = type(registry.load("evaluator", "table"))
    parts: list[tuple[str, Any, str]] = [
        (SEARCH, Loop, "_finalists"),
        ("ask: propose, dedupe", strategy, "ask"),
        ("tell: learn, select", strategy, "tell"),
        ("rank: the best so far", stage, "rank"),
        ("look up", evaluator, "evaluate"),
        ("score: costs, checks", Scorer, "score"),
        ("store: record, commit", Store, "add"),
        ("store: record, commit", Store, "spend"),
        ("store: record, commit", Store, "evaluations"),
    ]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        prepared = prepare(
            f"nas_bench_macro?file={arguments.file}", arguments.flops,
            strategy=arguments.strategy, evaluator="table", samples=arguments.samples,
            finalists=1, seed=seed, run_dir=Path(folder) / "run",
        )  # fmt: skip
        for part, owner, name in parts:
            stack.enter_context(patch.object(owner, name, watch.timed(part, getattr(owner, name))))
        result = prepared.start()
    scored = len(result.of("stage1", "search"))
    return Counter({part: 1e6 * seconds / scored for part, seconds in watch.seconds.items()})


if __name__ == "__main__":
    main()
