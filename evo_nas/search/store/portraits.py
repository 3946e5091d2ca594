"""What a run keeps of its plug-ins, so that it is shown without them: they take long to import."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict

from evo_nas.evaluation.evaluator import Evaluator
from evo_nas.space.space import Genome, Space
from evo_nas.space.table import portrait

from .rows import Facts, read
from .store import Store


def keep_objective(store: Store, spec: str, evaluator: Evaluator) -> None:
    """Keep what the evaluator of this spec ranks by first."""
    kept = store.fact("objectives") or {}
    if kept.get(spec) != evaluator.objectives[0]:
        told = {name: asdict(objective) for name, objective in kept.items()}
        store.set_fact("objectives", told | {spec: asdict(evaluator.objectives[0])})


def keep_portrait(store: Store, space: Space, genome: Genome) -> None:
    """Keep how the delivered network is shown.

    Where a space's picture fails, or holds what no file can, whoever looks asks the space.
    """
    made = None
    with suppress(Exception):  # a plug-in may fail in any way, which must not spoil the run
        shown = asdict(portrait(space, genome))
        read(Facts, {"portrait": json.dumps(shown)}, store.path)
        made = shown
    store.set_fact("portrait", made)
