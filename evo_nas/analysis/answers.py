"""What other evaluators say of networks: asked once, and kept in a store beside the run's.

So a stopped report goes on, and a larger one adds to a smaller one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from evo_nas.core.files import written_aside
from evo_nas.core.plugins import registry
from evo_nas.core.plugins.digests import code_of
from evo_nas.errors import SettingsError
from evo_nas.evaluation.evaluator import Evaluator
from evo_nas.sampling.feasible import Feasible
from evo_nas.search import run_folder
from evo_nas.search.loop import Loop
from evo_nas.search.promises import code
from evo_nas.search.scoring import Scorer
from evo_nas.search.store.store import Evaluation, Store
from evo_nas.space.space import Genome, Space
from evo_nas.strategies.base import Proposal
from evo_nas.training.recipe import Recipe

AGAIN = "Mend the evaluator, and give the same command again: it tries them anew"


class Answers:
    """Asks evaluators about networks of one stage of the run that ``loop`` has opened.

    The store of the run itself is not touched; ``legal`` is what the stage admits.
    """

    def __init__(self, loop: Loop, stage: str, legal: Feasible) -> None:
        self.loop, self.stage, self.legal = loop, stage, legal
        self.path: Path = loop.folder / run_folder.TRUST

    def of(
        self,
        spec: str,
        phase: str,
        generations: Sequence[Sequence[Proposal]],
        epochs: int,
        recipe: Recipe | None = None,
    ) -> list[Evaluation]:
        """What the evaluator ``spec`` says; what it said before in this ``phase`` is read.

        The phase gives it random streams of its own. It trains for ``epochs`` by ``recipe``, by
        default the run's. Of each generation more proposals may follow later.
        """
        evaluator = load(spec)
        config = self.loop.config
        if evaluator.needs_data and config.data == "none":
            raise SettingsError(f"{self.loop.folder} has no images, which evaluator {spec} needs")
        context = self.loop.context(self.stage, phase, epochs, self.legal)
        if not self.path.exists():
            with written_aside(self.path) as temporary:
                Store.create(temporary, self.loop.space).close()
        store = Store(self.path)
        try:
            self._keep_one_version(store, spec, phase)
            with store.forgetting_failures():  # nothing follows from them: they are tried again
                pass
            scorer = Scorer(
                evaluator, self.legal.space, replace(context, recipe=recipe or context.recipe),
                store, self.stage, phase, phase, sum(map(len, generations)),
                failures=config.failures, time_limit=config.finalist_time_limit, then=AGAIN,
            )  # fmt: skip
            try:
                asked = enumerate(generations)
                return [e for number, each in asked for e in scorer.score(number, each) if e]
            finally:
                scorer.close()
        finally:
            store.close()

    def _keep_one_version(self, store: Store, spec: str, phase: str) -> None:
        """What scored networks of an earlier report scores those of a larger one."""
        now, kept = {phase: code_of("evaluator", spec)}, store.fact(code.FACT) or {}
        if phase in kept:
            anew = f"remove {store.path}, and all are scored anew"
            code.refuse(code.changes(kept, now), "the report", anew)
        store.set_fact(code.FACT, kept | code.digests(now))


def truth_name(spec: str, epochs: int | None) -> str:
    """What files and phases of an evaluator are called; ``epochs`` where they are not usual."""
    return registry.file_name(spec) + (f"-{epochs}-epochs" if epochs else "")


def repeated(name: str, repeat: int) -> str:
    """The phase in which an evaluator of this name says for the nth time what is the truth."""
    return f"trust-{name}" + (f"-repeat-{repeat}" if repeat > 1 else "")


def own_genome(space: Space, full: Genome) -> Genome | None:
    """The genome of a stage's ``space`` that lifts to ``full``; None if the stage has none."""
    index = space.root.index
    genome = space.canonical([full[index[choice.name]] for choice in space.choices])
    return genome if space.lift(genome) == full else None


def load(spec: str) -> Evaluator:
    """An evaluator by its spec."""
    evaluator: Evaluator = registry.load("evaluator", spec)
    return evaluator
