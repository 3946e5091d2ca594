"""A longer search out of one that was stopped or is finished: more candidates, more time.

It becomes the run that it would have been, had it been given all from the start: what is recorded
is replayed, and the search goes on from there. Nothing is changed before it is known that the
strategy proposes the same as before.

Why: docs/decisions/054-longer-searches.md.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evo_nas.core.files import write_atomically
from evo_nas.core.plugins import registry
from evo_nas.core.progress import Silent
from evo_nas.core.streams import Streams
from evo_nas.core.typed import typed
from evo_nas.errors import RunError, SettingsError
from evo_nas.evaluation.evaluator import Evaluator
from evo_nas.search import run_folder
from evo_nas.search.config import Config
from evo_nas.search.options import plain
from evo_nas.search.stage import stage_feasible
from evo_nas.search.store.earlier import EARLIER, set_aside
from evo_nas.search.store.rows import Evaluation
from evo_nas.search.store.store import Store
from evo_nas.space.space import Genome
from evo_nas.strategies.base import Scored, StagePlan
from evo_nas.strategies.checks import generations, plan, tell
from evo_nas.strategies.settings import Settings
from evo_nas.training.ledger import Ledger

from .start import begun_with

if TYPE_CHECKING:
    from evo_nas.search.loop import Loop


def longer(config: Config, given: Mapping[str, Any]) -> Config:
    """The configuration with more of what is ``given``, which its history tells; None is nothing.

    Raises:
        SettingsError: a search would be shorter than it is.
    """
    found = config
    for name, value in plain(given).items():
        in_settings = name == "samples"
        was = getattr(config.settings if in_settings else config, name)
        if value == was:
            continue
        if was is None:
            raise SettingsError(f"{name} is {value}; the run has none, so it would be shorter")
        change = {name: value}
        change = {"settings": replace(config.settings, **change)} if in_settings else change
        told = f"{name} {was}, then {value}"
        found = replace(found, history=(*found.history, told), **change)
        if not _is_longer(name, config, found):
            raise SettingsError(
                f"{name} is {value}, and the run was given {was}: it can only be made longer"
            )
    return found


def _is_longer(name: str, before: Config, after: Config) -> bool:
    """Whether no search can end earlier by this option."""
    was, now = before.rules, after.rules
    if name == "samples":
        return after.settings.samples > before.settings.samples
    if was.until is not None and now.until is not None and name == "until":
        within = was.until.low <= now.until.low and now.until.high <= was.until.high
        return within and was.until.metric == now.until.metric
    attribute = "seconds" if name == "time" else name
    return bool(getattr(now, attribute) >= getattr(was, attribute))


def extend(loop: Loop, config: Config) -> None:
    """Make the run of a ``loop`` one of ``config``; the caller holds its lock, and goes on.

    Raises:
        SettingsError: its strategy searches otherwise from the start then.
    """
    folder, store = loop.folder, loop.store
    cut = _cut_generations(loop, config.settings)
    trained = [file.name for file in folder.glob(f"{run_folder.TRUST}*")]  # of fewer candidates
    for name in (run_folder.BEST, run_folder.WEIGHTS, run_folder.PAGE, *trained):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / run_folder.FINALISTS, ignore_errors=True)
    for stage in plan(loop.strategy, loop.space, config.settings)[1:]:
        if not _first(store, stage.name):  # weights around what may be decided otherwise
            shutil.rmtree(_checkpoints(loop, stage), ignore_errors=True)
    judged = {each.stage for each in store.evaluations(phase="finalists")}
    with store.changing({"config": asdict(config), "endings": {}}):
        for name, generation in cut.items():
            set_aside(store, name, "search", generation)
        for name in judged:
            set_aside(store, name, "finalists")
    added = config.history[len(loop.config.history) :]
    told = "the test split is read once more" if len(loop.data.train) else "finalists anew"
    store.add_notes("run", [f"made longer ({'; '.join(added)}): {told}"])
    complete(folder, store, loop.config)


def complete(folder: Path, store: Store, config: Config) -> Config:
    """That of the store, if a kill has kept it from config.toml, into which it is written then."""
    kept = store.fact("config")
    if not isinstance(kept, dict) or len(kept.get("history", ())) <= len(config.history):
        return config
    known = typed(Config, kept, store.path, RunError)
    write_atomically(folder / run_folder.CONFIG, known.to_toml().encode())
    return known


def _cut_generations(loop: Loop, settings: Settings) -> dict[str, int]:
    """By stage its last generation, where another is proposed in its place.

    It was smaller only because the candidates came to their end.
    """
    cut, decided = {}, None
    for stage in plan(loop.strategy, loop.space, settings):
        if not (recorded := loop.store.evaluations(stage.name, "search")):
            continue
        decided = decided if stage.level is None else recorded[0].genome
        generation = _first_difference(loop, stage, settings, decided, recorded)
        if generation is None:
            continue
        if generation < recorded[-1].generation:
            raise SettingsError(
                f"strategy {loop.config.strategy} proposes other candidates from generation "
                f"{generation + 1} of {stage.name} on if it is given {settings.samples:,}: the run "
                "cannot be made longer; start a new one"
            )
        cut[stage.name] = generation
    return cut


def _first_difference(
    loop: Loop,
    stage: StagePlan,
    settings: Settings,
    decided: Genome | None,
    recorded: list[Evaluation],
) -> int | None:
    """The first generation that holds other candidates than a replay proposes, if one does."""
    legal = stage_feasible(loop.space, stage, loop.limits, decided)
    evaluator: Evaluator = registry.load("evaluator", loop.config.evaluator)
    streams = Streams(Streams(loop.config.seed).number(stage.name, "search"))
    sampler, _ = begun_with(loop.store, stage.name, legal, Silent())
    asked = generations(loop.strategy, stage, sampler, settings, evaluator.objectives, streams)
    places = {(e.generation, e.position): e for e in recorded}
    counts = Counter(e.generation for e in recorded)
    for generation, proposals in asked:
        known = [
            (places[generation, position], proposal)
            for position, proposal in enumerate(proposals)
            if (generation, position) in places
        ]
        if len(known) < counts[generation]:
            return generation
        scored = []
        for one, proposal in known:
            if legal.space.lift(proposal.genome) != one.genome:
                return generation
            accepted = one.failure is None and evaluator.accepts(one.metrics)
            scored.append(Scored(proposal.genome, one.flops, one.metrics, accepted))
        if len(known) < len(proposals):
            break  # the search goes on within this generation
        tell(loop.strategy, scored)
    return None


def begin_anew(loop: Loop, stages: Sequence[StagePlan], decided: Genome) -> None:
    """Set aside what ``stages`` have scored around another genome than is ``decided`` now.

    As when an earlier stage of a run that was made longer has decided otherwise than before.
    """
    store, level, name = loop.store, stages[0].level, stages[0].name
    if level is None:
        return
    before = [choice.level < level for choice in loop.space.choices]
    same = list(compress(decided, before))
    if all(list(compress(e.genome, before)) == same for e in _first(store, name)):
        return
    loop.progress.say(
        f"{name}: what it searches has changed with the decision before it, so it begins anew"
    )
    images, opening = store.images(), "training"
    for each in stages:
        shutil.rmtree(_checkpoints(loop, each), ignore_errors=True)
        for report in loop.folder.glob(f"trust-{each.name}-*"):
            report.unlink()
        if spent := images.get((each.name, opening)):  # that will be spent once more
            spent = spent + images.get((each.name, EARLIER + opening), Ledger())
            store.spend(each.name, EARLIER + opening, 0, spent)
    with store.changing({}):
        for each in stages:
            for phase in ("search", "finalists"):
                set_aside(store, each.name, phase)


def _first(store: Store, stage: str) -> list[Evaluation]:
    """The first evaluation of a stage, if it has begun."""
    return [*store.evaluations(stage, "search", 0), *store.evaluations(stage, "finalists")][:1]


def _checkpoints(loop: Loop, stage: StagePlan) -> Path:
    return loop.folder / run_folder.CHECKPOINTS / stage.name
