"""Searches in which a tenth of the candidates fail, in every way that there is.

    python -m benchmarks.evaluator_faults --samples 120

Each strategy searches twice, training each candidate alone on a few digits: once in two workers,
where candidates raise, return NaN, infinity, words or no metrics, hang past the time limit, kill
their worker, or kill it once and are then sound; and once in one process, where the same ones are
scored as failed and nothing else happens. The same is done with shared weights, where candidates
are scored in the process of the run, and so cannot hang or kill. Prints the faults with the causes
that were recorded, and every difference; the exit code is 1 if there is one.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import evo_nas
from evo_nas.core.plugins import registry
from evo_nas.evaluation.evaluator import EvaluationContext, Evaluator, Outcome
from evo_nas.evaluation.outcomes import outcomes
from evo_nas.results.result import Result
from evo_nas.space.space import Genome, Space

FAULTS = ("raises", "nan", "infinite", "word", "nothing", "hangs", "dies", "dies once")
IN_PROCESS = FAULTS[:5]
SPACE = str(Path(__file__).parents[1] / "tests" / "crash" / "small.toml")
_LIMIT = 30  # seconds
_SEARCHES = (
    ("hierarchical", "train"),
    ("spos", "train"),
    ("random_search", "train"),
    ("regularized", "train"),
    ("nsga2", "train"),
    ("surrogate", "train"),
    ("hierarchical", "supernet"),
)


class Faulty(Evaluator):
    """Asks ``inner``, but fails one candidate in ten; ``plain`` ones just raise.

    ``folder`` is where candidates that kill their worker once leave word that they have.
    """

    def __init__(self, inner: str, folder: str, plain: bool = False) -> None:
        self._inner: Evaluator = registry.load("evaluator", inner)
        self._folder, self._plain = Path(folder), plain
        self.objectives, self.retrainer = self._inner.objectives, self._inner.retrainer
        self.in_workers, self.inherits = self._inner.in_workers, self._inner.inherits
        self._faults = FAULTS if self.in_workers else IN_PROCESS

    def open(self, space: Space, context: EvaluationContext) -> None:
        self._space = space
        self._inner.open(space, context)

    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        fault = self._fault(genome)
        if fault == "dies once":
            self._die_once(genome)
        elif fault:
            return self._fail(fault)
        return self._inner.evaluate(genome)

    def evaluate_many(self, genomes: Sequence[Genome]) -> Iterator[tuple[int, Outcome]]:
        """Sound candidates first, all of them together."""
        sound = [i for i, genome in enumerate(genomes) if not self._fault(genome)]
        for index, outcome in outcomes(self._inner, [genomes[i] for i in sound]):
            yield sound[index], outcome
        for position in sorted(set(range(len(genomes))) - set(sound)):
            yield position, self.evaluate(genomes[position])

    def weights(self, genome: Genome) -> Path | None:
        return self._inner.weights(genome)

    def close(self) -> None:
        self._inner.close()

    def _fault(self, genome: Genome) -> str:
        """How a candidate fails, from its genome alone; "" for nine of ten."""
        number = int(self._name(genome), 16)
        return "" if number % 10 else self._faults[number // 10 % len(self._faults)]

    def _name(self, genome: Genome) -> str:
        return hashlib.sha256(repr(self._space.lift(genome)).encode()).hexdigest()[:12]

    def _die_once(self, genome: Genome) -> None:
        word = self._folder / self._name(genome)
        if not self._plain and not word.exists():
            word.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    def _fail(self, fault: str) -> Mapping[str, float]:
        if self._plain or fault == "raises":
            raise RuntimeError("injected")
        if fault == "hangs":
            time.sleep(3600)
        elif fault == "dies":
            os.kill(os.getpid(), signal.SIGSEGV)
        elif fault == "nothing":
            return cast(Mapping[str, float], None)
        value: Any = {"nan": float("nan"), "infinite": float("inf"), "word": "good"}[fault]
        return dict.fromkeys([objective.name for objective in self.objectives], value)


def search(folder: Path, strategy: str, inner: str, samples: int, plain: bool) -> Result:
    """A run whose evaluator is faulty; ``plain`` is what it is compared with."""
    options: dict[str, Any] = {} if plain or inner != "train" else {"time_limit": _LIMIT}
    folder.mkdir()
    return evo_nas.run(
        SPACE,
        "6M..9M",
        strategy=strategy,
        evaluator=f"{__file__}:Faulty?inner={inner}&folder={folder}&plain={str(plain).lower()}",
        data="digits?train=192&validation=100&test=60",
        geometry="proxy,width=12",
        epochs=1,
        finalist_epochs=1,
        samples=samples,
        finalists=1,
        jobs=1 if plain else 2,
        run_dir=folder / "run",
        **options,
    )


def outcome(result: Result) -> list[tuple[object, ...]]:
    """All that must not depend on how a candidate failed."""
    return [
        (e.stage, e.phase, e.generation, e.position, e.genome, e.metrics, e.origin, e.parents)
        for e in result.evaluations
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--samples", type=int, default=120)
    samples: int = parser.parse_args().samples
    causes, wrong, candidates, began = Counter[str](), 0, 0, time.monotonic()
    for strategy, inner in _SEARCHES:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            faulty = search(folder / "faulty", strategy, inner, samples, plain=False)
            plain = search(folder / "plain", strategy, inner, samples, plain=True)
            once = sum(1 for path in (folder / "faulty").iterdir() if path.is_file())
        found = [e.failure for e in faulty.evaluations if e.failure]
        causes.update(found)
        causes["(its worker process died once, and its second one did not)"] += once
        same = outcome(faulty) == outcome(plain) and faulty.best == plain.best
        wrong += not same
        candidates += len(faulty.evaluations)
        verdict = "as if they were scored as failed" if same else "ENDED DIFFERENTLY"
        number = len(found) + once
        print(
            f"{strategy} with {inner}: {number} faults in {len(faulty.evaluations)} candidates, "
            f"{verdict}",
            flush=True,
        )
    for cause, number in causes.most_common():
        print(f"  {number:4} {cause}")
    minutes = (time.monotonic() - began) / 60
    print(
        f"{causes.total()} faults in {candidates} candidates, {wrong} of {len(_SEARCHES)} searches "
        f"ended differently ({minutes:.0f} minutes)"
    )
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
