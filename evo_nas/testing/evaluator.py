"""Checks of an evaluator, which scores a few genomes of a small space in a folder of its own."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from evo_nas.core.plugins import registry
from evo_nas.errors import EvoNasError
from evo_nas.evaluation import checks
from evo_nas.evaluation.evaluator import Evaluator, Failure, check_metrics
from evo_nas.space.space import Genome, Space

from .check import Check, CheckFailed, expect, listed, require, skip
from .session import Session, expect_equal, failing, score, survivors, watched
from .subject import Subject, as_checks

Metrics = Mapping[str, float]


def check_evaluator(
    evaluator: str | Evaluator | Callable[[], Evaluator],
    space: str | Space | None = None,
    data: str | None = None,
    samples: int = 3,
) -> None:
    """Check an evaluator; see :func:`evaluator_checks`.

    Raises:
        ConformanceError: listing every failed check with what to do.
    """
    name = evaluator if isinstance(evaluator, str) else repr(evaluator)
    require(f"evaluator {name}", evaluator_checks(evaluator, space, data, samples))


def evaluator_checks(
    evaluator: str | Evaluator | Callable[[], Evaluator],
    space: str | Space | None = None,
    data: str | None = None,
    samples: int = 3,
) -> list[Check]:
    """The checks of an evaluator, to be called one by one; nothing is loaded before the first call.

    Args:
        evaluator: a spec as on the command line, a class or function that makes the evaluator, or
            the evaluator itself, which is then opened again and again.
        space: what it scores, a spec or an object; by default a space of 625 networks with a
            supernet and made-up results.
        data: the spec of the images, if it looks at any; by default 128 digits.
        samples: how many genomes it scores in each check, 2 or more.
    """
    subject = Subject("evaluator", Evaluator, evaluator)  # type: ignore[type-abstract]
    return as_checks(subject, _EvaluatorChecks(subject, space, data, max(samples, 2)).named())


class _EvaluatorChecks:
    def __init__(
        self,
        subject: Subject[Evaluator],
        space: str | Space | None,
        data: str | None,
        samples: int,
    ) -> None:
        self._subject, self._at = subject, Session(subject, space, data, samples)

    def named(self) -> Sequence[tuple[str, Callable[[], None]]]:
        """The checks, each with its name."""
        return (
            ("it says what it measures", self.declared),
            ("it accepts the space", self.accepts),
            ("it returns its objectives as finite numbers", self.returned),
            ("metrics survive JSON", self.json),
            ("images are counted, or not needed", self.images),
            ("the same seed gives the same scores", self.deterministic),
            ("scores depend on neither order nor company", self.company),
            ("it opens again where it was closed", self.again),
            ("weights that it keeps are there", self.kept),
            ("a candidate that fails fails alone", self.failure),
            ("it scores the same in another process", self.process),
            ("threads, settings and global random state stay", self.settings),
        )

    def declared(self) -> None:
        evaluator = self._subject.it
        checks.check_evaluator(evaluator)
        registry.find("evaluator", evaluator.retrainer.partition("?")[0])

    def accepts(self) -> None:
        try:
            self._subject.it.check(self._at.space)
        except EvoNasError as reason:
            expect(False, f"it refuses the space: {reason}; check it with --space SPEC")

    def returned(self) -> None:
        if isinstance(self._at.outcome, Exception):
            raise self._at.outcome
        for genome, metrics in self._at.scores.items():
            try:
                check_metrics(metrics, self._subject.it.objectives)
            except EvoNasError as error:
                expect(False, f"genome {genome}: {error}; return every objective, finite")

    def json(self) -> None:
        for metrics in self._at.scores.values():
            plain = {name: float(value) for name, value in metrics.items()}
            strange = [name for name in metrics if not isinstance(name, str)]
            expect(not strange, f"the metric {listed(strange)} has a name that is no string")
            expect(json.loads(json.dumps(plain)) == plain, f"{plain} does not come back from JSON")

    def images(self) -> None:
        assert self._at.scores
        evaluator, seen = self._subject.it, self._at.ledger
        if evaluator.needs_data:
            told = "it says needs_data, and has counted no image in context.ledger"
            expect(
                seen.passes > 0, f"{told}; count what it sees, or say needs_data = False if nothing"
            )
        else:
            told = f"it says needs_data = False, and counts {seen.passes} forward passes of images"
            expect(seen.passes == 0, f"{told}; say needs_data = True")

    def deterministic(self) -> None:
        scores = self._at.scores
        self._needs_repeatable()
        with self._at.opened() as evaluator:
            expect_equal(
                scores,
                score(evaluator, self._at.genomes),
                "two evaluators with one seed",
                "draw only from context.streams, and seed torch where weights are made "
                "(evo_nas.training.batches.seeded_weights)",
            )

    def company(self) -> None:
        scores = self._at.scores
        self._needs_repeatable()
        with self._at.opened() as evaluator:
            alone: dict[Genome, Metrics] = {}
            for genome in reversed(self._at.genomes):
                alone |= score(evaluator, [genome])
            expect_equal(
                scores,
                alone,
                "together, and one by one in the opposite order,",
                "let nothing stay from one candidate to the next, and derive each one's chance "
                'from its genome: context.streams.generator("name", *genome)',
            )

    def again(self) -> None:
        scores = self._at.scores
        with tempfile.TemporaryDirectory() as folder:
            for time in ("first", "second"):
                with self._at.opened(Path(folder)) as evaluator:
                    found = score(evaluator, self._at.genomes[:2])
                missing = [genome for genome in self._at.genomes[:2] if genome not in found]
                expect(not missing, f"the {time} time, {listed(missing)} is not scored")
        if self._at.repeatable:
            same = {genome: scores[genome] for genome in found}
            told = "before, and after it was closed and opened in its folder again,"
            expect_equal(same, found, told, "a resumed run opens it again: give the same then")

    def kept(self) -> None:
        assert self._at.scores
        with self._at.opened() as evaluator:
            score(evaluator, self._at.genomes)
            given = {genome: evaluator.weights(genome) for genome in self._at.genomes}
            kept = {genome: path for genome, path in given.items() if path is not None}
            for genome, path in kept.items():
                expect(path.is_file(), f"weights({genome}) is {path}; there is no such file")
            if evaluator.keeps_weights:  # a cascade has some of those that came to its end
                told = "it says keeps_weights, and weights() is None for all that it scored"
                expect(kept, f"{told}; return the path of a safetensors file")
            else:
                told = f"it keeps weights of {listed(kept)}; say keeps_weights = True"
                expect(not kept, f"{told}, so that a run makes them again where they are lost")

    def failure(self) -> None:
        scores, genomes = self._at.scores, self._at.genomes
        bad = genomes[len(genomes) // 2]
        space = failing(self._at.space, bad)
        with self._at.opened(space=space) as evaluator:
            found, failed = survivors(evaluator, genomes)
        if bad in found:
            skip("nothing fails: it does not build the network of a candidate")
        told = f"where the network of {bad} cannot be built"
        lost = [genome for genome in genomes if genome != bad and genome not in found]
        reason = f" ({failed[lost[0]]})" if lost and lost[0] in failed else ""
        expect(
            not lost,
            f"{told}, {listed(lost)} gets no score either{reason}; in evaluate_many, go on after a "
            "candidate that raises",
        )
        if self._at.repeatable:
            others = {genome: scores[genome] for genome in found}
            expect_equal(others, found, f"with all, and {told},", "let candidates share nothing")

    def process(self) -> None:
        if not self._subject.it.in_workers:
            skip("it does not say in_workers: the engine leaves it in the process of the search")
        if self._subject.spec is None or not hasattr(self._at.space, "spec"):
            skip("give evaluator and space as specs: another process loads them by those")
        scores, fix = self._at.scores, "let it depend on genome and context alone, or say"
        self._needs_repeatable()
        with self._at.in_worker() as workers:
            outcomes = {at: answer.outcome for at, answer in workers.answers(self._at.genomes)}
        found: dict[Genome, Metrics] = {}
        for position, outcome in outcomes.items():
            genome = self._at.genomes[position]
            told = f"genome {genome} fails in another process: "
            if isinstance(outcome, Failure):
                raise CheckFailed(f"{told}{outcome.reason}; {fix} in_workers = False")
            found[genome] = outcome
        expect_equal(scores, found, "this process and another one", f"{fix} in_workers = False")

    def settings(self) -> None:
        assert self._at.scores
        moved: list[str] = []
        with watched(moved), self._at.opened() as evaluator:
            score(evaluator, self._at.genomes)
        told = f"{listed(moved)} changed"
        expect(
            not moved,
            f"{told}; put it back (evo_nas.training has seeded_weights and torch_threads), and "
            "draw from context.streams",
        )

    def _needs_repeatable(self) -> None:
        if not self._at.repeatable:
            skip("it says that its scores are not repeatable")
