"""A comparison: the same search by several strategies and seeds, each an ordinary run.

Two protocols. The paper's (Chen et al. 2021, "GLiT", section 4.3): every strategy does what its
plan says with the same settings. Equal cost: every strategy may see as many images as the first
one named did with that seed, and spends them on more candidates and more retrained networks.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evo_nas import api
from evo_nas.core import paths
from evo_nas.core.devices import available_cores, resolve_device
from evo_nas.core.plugins import places, registry
from evo_nas.core.progress import Progress
from evo_nas.core.validation import shown
from evo_nas.core.workers.pool import run_unordered
from evo_nas.errors import RunError, SettingsError
from evo_nas.results.result import Result, load_result
from evo_nas.search import run_folder
from evo_nas.search.course.standing import recorded
from evo_nas.search.given.file import absolute, completed
from evo_nas.search.given.target import at_target
from evo_nas.search.given.values import text, whole_number
from evo_nas.search.limits import DEFAULT
from evo_nas.search.options import OPTIONS, RunOptions, plain
from evo_nas.search.promises.code import accept_code, accepting, refuse_changed_run
from evo_nas.search.settings import Sources, choose_recipe
from evo_nas.space.costs.alike import Found, sharing

from .file import PROTOCOLS, REFERENCE, Comparison
from .reference import find_reference

_GROUPS = {"paper": "the paper's protocol", "equal": "equal cost", REFERENCE: "references"}
_CLOSE = 0.01  # a cost this close to the reference's, as a share of it, is equal


# What a comparison decides itself, whatever a file for one run says.
_DECIDED = {"strategy", "seed", "start", "supernet", "jobs", "run_dir"}


def plan_comparison(
    strategies: Sequence[str],
    *,
    seeds: int = 5,
    first_seed: int = 0,
    protocol: str = "both",
    references: str | Sequence[str | Path] = (),
    jobs: int | None = None,
    run_dir: str | Path | None = None,
    config: str | Path | None = None,
    **options: Any,
) -> tuple[Comparison, Path]:
    """A comparison as a user asks for it, and the folder for it; nothing is written.

    ``protocol`` is "paper", "equal" or "both"; ``options`` are those of
    :func:`evo_nas.api.prepare`; what is not given comes from the file ``config``, but for what a
    comparison decides: strategies, seeds and how much is done at once. ``references`` are networks
    that are trained beside the found ones: published ones by name, architecture files, runs, or
    "largest", "smallest", "random" and "long" (a random network trained at the cost of the first
    strategy's search).

    Raises:
        EvoNasError: something given is wrong, or the folder exists.
    """
    options = plain(options) if config is None else _completed(plain(options), config)
    options = absolute({"space": "glit_hl", **options})
    text("protocol", protocol, "'paper', 'equal' or 'both'")
    if options.get("start"):
        raise SettingsError("start is given; a comparison begins from nothing: leave it out")
    if protocol != "paper":
        for name in ("time", "patience", "until"):
            if options.get(name) is not None:
                raise SettingsError(
                    f"{name} is {options[name]}; at equal cost every search has its whole budget: "
                    "leave it out, or compare by the protocol 'paper'"
                )
    options = _at_target(options, first := whole_number("first_seed", first_seed))
    count = whole_number("seeds", seeds, 1)
    device = resolve_device(options.setdefault("device", "auto"))
    at_once = available_cores() if device == "cpu" else 1
    comparison = Comparison(
        strategies=tuple(places.absolute("strategy", name) for name in strategies if name),
        seeds=tuple(range(first, first + count)),
        protocols=PROTOCOLS if protocol == "both" else (protocol,),
        jobs=whole_number("jobs", at_once if jobs is None else jobs, 1),
        options=options,
        references=tuple(find_reference(each, options["space"]) for each in _texts(references)),
    )
    given = [options.get(name) for name in ("flops", "params", "latency")]
    named = [text for text in (*given, *options.get("limits", ())) if text] or [DEFAULT]
    folder = (
        paths.expanded(run_dir)
        if run_dir
        else run_folder.new_folder("compare-", options["space"], "-".join(named))
    )
    run_folder.check_free(folder)
    return comparison, folder


def _completed(options: dict[str, Any], config: str | Path) -> dict[str, Any]:
    """The options and what a file for one run has beside them, as far as it holds for all."""
    found = completed(options, config)
    left = _DECIDED - options.keys()
    recipe = choose_recipe(found.get("recipe", OPTIONS["recipe"].default))
    if found.get("inherit") and recipe.finetune is not None:
        left |= {"inherit"} - options.keys()  # whoever can does so by itself
    return {name: value for name, value in found.items() if name not in left}


def _at_target(options: dict[str, Any], seed: int) -> dict[str, Any]:
    """The options with a target in the space's spec: references have targets of their own."""
    space = at_target(RunOptions(**options), Sources(seed)).space
    return {name: value for name, value in options.items() if name != "target"} | {"space": space}


def _texts(references: str | Sequence[str | Path]) -> list[str]:
    """The references that are named; a text has them with commas between."""
    given = references.split(",") if isinstance(references, str) else references
    if not isinstance(given, Sequence) or not all(isinstance(each, str | Path) for each in given):
        raise SettingsError(f"references is {shown(given)}; give a list of names and paths")
    return [text for each in given if (text := str(each).strip())]


@dataclass(frozen=True, slots=True)
class Entry:
    """One run of a comparison. ``changes`` are to the common arguments, for equal cost."""

    protocol: str
    strategy: str
    seed: int
    folder: Path
    changes: Mapping[str, Any]

    @property
    def finished(self) -> bool:
        """Whether there is a result."""
        return (self.folder / run_folder.BEST).is_file()

    @property
    def result(self) -> Result:
        """What the run found."""
        return load_result(self.folder)


def make_runs(folder: Path, progress: Progress, *, accept_changes: bool = False) -> list[Entry]:
    """Make all runs of the comparison in ``folder``; those that are finished are not made again.

    All runs have the code that the first began with, unless changes are accepted: they are noted in
    the runs that were made before.

    Raises:
        EvoNasError: another process is at work there, a run failed, or code has changed.
    """
    comparison = Comparison.read(folder)
    with run_folder.held(folder), recorded(folder, progress) as heard:
        if accept_changes:
            for run in _begun(folder):
                accept_code(run, heard)
        return _entries(comparison, folder, heard)


def finished_runs(folder: Path) -> list[Entry]:
    """The runs of a finished comparison.

    Raises:
        RunError: it is not finished.
    """
    return _entries(Comparison.read(folder), folder, None)


def _entries(comparison: Comparison, folder: Path, progress: Progress | None) -> list[Entry]:
    """All runs, protocol by protocol; what equal cost means follows from the finished first."""
    paper = [
        Entry("paper", each, seed, folder / "paper" / f"{registry.file_name(each)}-{seed}", {})
        for seed in comparison.seeds
        for each in comparison.strategies
    ]
    _finish(comparison, paper, folder, progress)
    entries = paper if "paper" in comparison.protocols else []
    if "equal" in comparison.protocols:
        equal = [_at_equal_cost(comparison, entry, paper, folder) for entry in paper]
        _finish(comparison, equal, folder, progress)
        entries = entries + equal
    beside = list(_references(comparison, paper, folder))
    if beside:
        _finish(comparison, beside, folder, progress)
    return entries + beside


def _references(comparison: Comparison, paper: Sequence[Entry], folder: Path) -> Iterator[Entry]:
    """The runs of references; what is to be as costly as a search follows from the first one's."""
    for seed in comparison.seeds:
        first = _first(comparison, seed, paper)
        arguments = comparison.arguments(first.strategy, seed)
        for row in comparison.rows_of_references:
            own = folder / REFERENCE / f"{registry.file_name(row.name)}-{seed}"
            # What has begun is gone on with as it began.
            changes = {} if own.is_dir() else row.changes(arguments, first.result)
            yield Entry(REFERENCE, row.name, seed, own, changes)


def _first(comparison: Comparison, seed: int, paper: Sequence[Entry]) -> Entry:
    """The first strategy's run with a seed: what it spent and found is what others go by."""
    first = comparison.strategies[0]
    return next(e for e in paper if (e.strategy, e.seed) == (first, seed))


def _finish(
    comparison: Comparison, entries: Sequence[Entry], folder: Path, progress: Progress | None
) -> None:
    """Run what is not finished, several at once; without ``progress`` all has to be finished."""
    tasks = [
        (entry.folder, {**comparison.arguments(entry.strategy, entry.seed), **entry.changes})
        for entry in entries
        if not entry.finished
    ]
    if not tasks:
        return
    if progress is None:
        raise RunError(run_folder.unfinished(folder))
    for run in _begun(folder):
        refuse_changed_run(run, accepting(folder))
    progress.start(_GROUPS[entries[0].protocol], len(entries), "runs")
    done = len(entries) - len(tasks)
    progress.advance(done)
    command = f"{os.getpid()}-{time.time_ns()}"
    begun = [(*task, command) for task in tasks]
    for position, _ in run_unordered(_run, begun, min(comparison.at_once, len(tasks))):
        done += 1
        progress.advance(done, f"{tasks[position][0].name} is finished")


def _begun(folder: Path) -> list[Path]:
    """The folders of a comparison's runs that have begun."""
    return sorted(file.parent for file in folder.glob(f"*/*/{run_folder.STORE}"))


_found: dict[str, Found] = {}  # in this process, for one command


def _run(task: tuple[Path, dict[str, Any], str]) -> None:
    """Begin one run, or go on with it; those of a command share what is found of their space."""
    folder, arguments, command = task
    if command not in _found:
        _found.clear()
    with sharing(_found.setdefault(command, {})):
        if folder.is_dir():
            api.resume(folder)
        else:
            api.prepare(**arguments, run_dir=folder).start()


# -- equal cost ----------------------------------------------------------------------------------


def cost(result: Result) -> int:
    """In forward passes of one image, or in evaluations where no images are seen."""
    return result.cost.passes or len(result.evaluations)


def _at_equal_cost(
    comparison: Comparison, entry: Entry, paper: Sequence[Entry], folder: Path
) -> Entry:
    """The run that spends what the first strategy did; the entry's own if that is what it did."""
    reference = _first(comparison, entry.seed, paper)
    changes = _more(entry, cost(reference.result), comparison)
    own = entry.folder if changes is None else folder / "equal" / entry.folder.name
    return Entry("equal", entry.strategy, entry.seed, own, changes or {})


def _more(entry: Entry, target: int, comparison: Comparison) -> dict[str, Any] | None:
    """How many candidates and finalists cost ``target`` in all; None: the same, or no other."""
    result = entry.result
    settings, evaluator = result.config.settings, result.config.evaluator
    spent = cost(result)
    fixed = sum(
        images.passes for (_, phase), images in result.images.items() if phase == "training"
    )
    factor = (target - fixed) / max(spent - fixed, 1)
    if abs(spent - target) <= _CLOSE * target or factor <= 0:
        return None
    changes: dict[str, Any] = {
        "samples": max(int(settings.samples * factor), 1),
        "finalists": max(int(settings.finalists * factor), 1),
    }
    arguments = comparison.arguments(entry.strategy, entry.seed)
    less, more = (api.prepare(**arguments | given).plan.stages for given in ({}, changes))
    if [outlook.stage for outlook in less] == [outlook.stage for outlook in more]:
        return None  # such as the largest network that fits: there is only one
    if result.of(result.stages[0], "search") and registry.has_option("evaluator", evaluator, "run"):
        changes["supernet"] = str(entry.folder)  # the same weights would be trained again
    return changes
