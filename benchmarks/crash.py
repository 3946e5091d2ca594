"""A search on digits, killed with SIGKILL at random moments until it is done, again and again.

    python -m benchmarks.crash --kills 100

Each run must end as the one that nobody killed: the same evaluations in order, scores, images,
finalists and weights. Prints the kills by phase, and every difference; the exit code is 1 if there
is one. Half of the kills hit the process alone, so that its workers are left behind for a moment.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.crash.killing import arguments, begin, finish, kill_again_and_again, outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="of the moments to kill at")
    given = parser.parse_args()
    rng, kills, wrong, began = random.Random(given.seed), Counter[str](), 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole"
        code, errors = finish(begin(whole.parent, *arguments(whole)))
        if code:
            sys.exit(f"the search fails without a kill: {errors}")
        killed = kill_again_and_again(Path(folder), rng, given.kills, outcome(whole))
        for runs, told in enumerate(killed, 1):
            kills += told.kills
            wrong += bool(told.wrong)
            verdict = ", ".join(told.wrong) or "as if never killed"
            print(f"run {runs}: {told.kills.total()} kills, {verdict}", flush=True)
    for phase, number in sorted(kills.items()):
        print(f"  {number:4} in {phase}")
    minutes = (time.monotonic() - began) / 60
    print(
        f"{kills.total()} kills in {runs} runs, {wrong} ended differently ({minutes:.0f} minutes)"
    )
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
