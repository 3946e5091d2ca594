"""What commands take until they have said what they say, beside an empty Python and PyTorch.

python -m benchmarks.startup

Each is a process of its own, by turns, so that a busy machine slows all. Seconds are those of the
CPU, of the process and the system.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import evo_nas

SPACE = "benchmarks/landscapes.py:Ordinal?instance=0"
PASS, TORCH = "an empty Python", "import torch"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        options = {"evaluator": "table", "retrainer": "table", "strategy": "random_search"}
        evo_nas.run(SPACE, "unlimited", samples=50, finalists=2, run_dir=run, **options)
        seconds = measured(commands(run), repeats)
    empty, torch = seconds[PASS], seconds[TORCH]
    print(f"{'':<40}{'s of CPU':>10}{'of empty':>10}{'of torch':>10}")
    for name, took in seconds.items():
        print(f"{name:<40}{took:>10.2f}{took / empty:>10.1f}{took / torch:>10.2f}")


def commands(run: Path) -> dict[str, list[str]]:
    """What is started, by what it is called."""
    python, module = [sys.executable, "-c"], [sys.executable, "-m", "evo_nas"]
    words = {
        "--help": ["--help"],
        "--version": ["--version"],
        "list": ["list"],
        "list spaces": ["list", "spaces"],
        "list strategies": ["list", "strategies"],
        "show RUN": ["show", str(run)],
        "clean RUN --dry-run": ["clean", str(run), "--dry-run"],
        "report RUN": ["report", str(run)],
        "show glit_tiny": ["show", "glit_tiny"],
        "run --flops 1.4G --dry-run": ["run", "--flops", "1.4G", "--dry-run"],
    }
    return {
        PASS: [*python, "pass"],
        TORCH: [*python, "import torch"],
        "import evo_nas": [*python, "import evo_nas"],
        **{f"evo-nas {name}": [*module, *given] for name, given in words.items()},
    }


def measured(started: dict[str, list[str]], repeats: int) -> dict[str, float]:
    """The median seconds of the CPU of each, after one start that is not counted."""
    took: dict[str, list[float]] = {name: [] for name in started}
    for _ in range(repeats + 1):
        for name, command in started.items():
            before = spent()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            took[name].append(spent() - before)
    return {name: statistics.median(times[1:]) for name, times in took.items()}


def spent() -> float:
    """Seconds of the CPU that children of this process have taken."""
    times = os.times()
    return times.children_user + times.children_system


if __name__ == "__main__":
    main()
