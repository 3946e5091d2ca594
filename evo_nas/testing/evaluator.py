"""Checks of an evaluator, which scores a few genomes of a small space in a folder of its own."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from evo_nas.core.plugins import registry
from evo_nas.errors import EvoNasError
from evo_nas.evaluation import checks
from evo_nas.evaluation.evaluator import Evaluator, Failure
from evo_nas.evaluation.outcomes import outcomes
from evo_nas.space.space import Genome, Space

from .check import Check, CheckFailed, expect, listed, require, skip
from .session import Metrics, Session, expect_equal, failing, score, unmoved
from .subject import named


def check_evaluator(
    evaluator: str | Evaluator | Callable[[], Evaluator],
    space: str | Space | None = None,
    data: str | None = None,
    samples: int = 3,
) -> None:
    """Make all :func:`evaluator_checks`; a ConformanceError lists what failed."""
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
    return _EvaluatorChecks(evaluator, space, data, max(samples, 2)).checks()


class _EvaluatorChecks(Session):
    @named("it says what it measures")
    def declared(self) -> None:
        checks.check_evaluator(self.it)
        registry.find("evaluator", self.it.retrainer.partition("?")[0])

    @named("it accepts the space")
    def accepts(self) -> None:
        evaluator = self.it
        try:
            evaluator.check(self.space)
        except EvoNasError as reason:
            expect(False, f"it refuses the space: {reason}; check it with --space SPEC")

    @named("it returns its objectives as finite numbers")
    def returned(self) -> None:
        self.outcome.tell()

    @named("metrics survive JSON")
    def json(self) -> None:
        for metrics in self.scores.values():
            same = json.loads(json.dumps(metrics)) == metrics
            expect(same, f"{metrics} does not come back from JSON")

    @named("images are counted, or not needed")
    def images(self) -> None:
        assert self.scores
        seen = self.ledger.passes
        if self.it.needs_data:
            told = "it says needs_data, and has counted no image in context.ledger"
            expect(seen > 0, f"{told}; count what it sees, or say needs_data = False if nothing")
        else:
            told = f"it says needs_data = False, and counts {seen} forward passes of images"
            expect(seen == 0, f"{told}; say needs_data = True")

    @named("the same seed gives the same scores")
    def deterministic(self) -> None:
        scores = self._repeatable_scores()
        with self.opened() as evaluator:
            expect_equal(
                scores,
                score(evaluator, self.genomes),
                "two evaluators with one seed",
                "draw only from context.streams, and seed torch where weights are made "
                "(evo_nas.training.batches.seeded_weights)",
            )

    @named("scores depend on neither order nor company")
    def company(self) -> None:
        scores, alone = self._repeatable_scores(), dict[Genome, Metrics]()
        with self.opened() as evaluator:
            for genome in reversed(self.genomes):
                alone |= score(evaluator, [genome])
        expect_equal(
            scores,
            alone,
            "together, and one by one in the opposite order,",
            "let nothing stay from one candidate to the next, and derive each one's chance "
            'from its genome: context.streams.generator("name", *genome)',
        )

    @named("it opens again where it was closed")
    def again(self) -> None:
        scores, asked = self.scores, self.genomes[:2]
        with tempfile.TemporaryDirectory() as folder:
            for _ in ("the first time", "the second time"):
                with self.opened(Path(folder)) as evaluator:
                    found = score(evaluator, asked)
        if self.it.repeatable:
            same = {genome: scores[genome] for genome in found}
            told = "before, and after it was closed and opened in its folder again,"
            expect_equal(same, found, told, "a resumed run opens it again: give the same then")

    @named("a training in parts ends as a whole one")
    def parts(self) -> None:
        if not self.it.pauses:
            skip("it does not say that it pauses trainings")
        genome = self.genomes[0]
        with self.opened(epochs=2):
            pass
        opening = self.ledger.trained
        with self.opened(epochs=2) as evaluator:
            whole = {genome: evaluator.evaluate(genome)}
        counted = {"whole": self.ledger.trained - opening, "in parts": 0}
        with tempfile.TemporaryDirectory() as folder:
            for begin in (0, 1):
                with self.opened(Path(folder), epochs=2) as evaluator:
                    part = {genome: evaluator.evaluate_part(genome, begin, begin + 1)}
                counted["in parts"] += self.ledger.trained - opening
        told = "a training of two epochs, and the second of them after a stop,"
        expect_equal(whole, part, told, "stop early in the schedule of the whole, and go on in it")
        same = counted["whole"] == counted["in parts"]
        expect(same, f"images trained are {counted}; count in each part what that part trains")

    @named("weights that it keeps are there")
    def kept(self) -> None:
        assert self.scores
        with self.opened() as evaluator:
            score(evaluator, self.genomes)
            given = {genome: evaluator.weights(genome) for genome in self.genomes}
            kept = {genome: path for genome, path in given.items() if path is not None}
            for genome, path in kept.items():
                expect(path.is_file(), f"weights({genome}) is {path}; there is no such file")
            if evaluator.keeps_weights:  # a cascade has some of those that came to its end
                told = "it says keeps_weights, and weights() is None for all that it scored"
                expect(kept, f"{told}; return the path of a safetensors file")
            else:
                told = f"it keeps weights of {listed(kept)}; say keeps_weights = True"
                expect(not kept, f"{told}, so that a run makes them again where they are lost")

    @named("a candidate that fails fails alone")
    def failure(self) -> None:
        scores, genomes = self.scores, self.genomes
        bad = genomes[len(genomes) // 2]
        with self.opened(space=failing(self.space, bad)) as evaluator:
            found = dict(outcomes(evaluator, genomes))
        if not isinstance(found.pop(genomes.index(bad)), Failure):
            skip("nothing fails: it does not build the network of a candidate")
        told, others = f"where the network of {bad} cannot be built", dict[Genome, Metrics]()
        for position, outcome in found.items():
            if isinstance(outcome, Failure):
                raise CheckFailed(
                    f"{told}, {genomes[position]} gets no score either ({outcome.reason}); in "
                    "evaluate_many, go on after a candidate that raises"
                )
            others[genomes[position]] = outcome
        if self.it.repeatable:
            same = {genome: scores[genome] for genome in others}
            expect_equal(same, others, f"with all, and {told},", "let candidates share nothing")

    @named("it scores the same in another process")
    def process(self) -> None:
        if not self.it.in_workers:
            skip("it does not say in_workers: the engine leaves it in the process of the search")
        if self.spec is None or not hasattr(self.space, "spec"):
            skip("give evaluator and space as specs: another process loads them by those")
        scores, fix = self._repeatable_scores(), "let it depend on genome and context alone, or say"
        with self.in_worker() as workers:
            answers = dict(workers.answers(self.genomes))
        found: dict[Genome, Metrics] = {}
        for position, answer in answers.items():
            genome, outcome = self.genomes[position], answer.outcome
            if isinstance(outcome, Failure):
                told = f"genome {genome} fails in another process: {outcome.reason}"
                raise CheckFailed(f"{told}; {fix} in_workers = False")
            found[genome] = outcome
        expect_equal(scores, found, "this process and another one", f"{fix} in_workers = False")

    @named("threads, settings and global random state stay")
    def settings(self) -> None:
        assert self.scores
        fix = (
            "put it back (evo_nas.training has seeded_weights and torch_threads), and draw from "
            "context.streams"
        )
        with unmoved(fix), self.opened() as evaluator:
            score(evaluator, self.genomes)

    def _repeatable_scores(self) -> dict[Genome, Metrics]:
        scores = self.scores
        if not self.it.repeatable:
            skip("it says that its scores are not repeatable")
        return scores
