"""A comparison: the same search by several strategies and seeds, each an ordinary run.

Two protocols. The paper's (Chen et al. 2021, "GLiT", section 4.3): every strategy does what its
plan says with the same settings. Equal cost: every strategy may see as many images as the first
one named did with that seed, and spends them on more candidates and more retrained networks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import tomli_w

from evo_nas import api
from evo_nas.core.devices import available_cores, resolve_device
from evo_nas.core.files import write_atomically
from evo_nas.core.plugins import places, registry
from evo_nas.core.plugins.trusted_code import remember
from evo_nas.core.progress import Progress
from evo_nas.core.workers.pool import run_unordered
from evo_nas.errors import RunError, SettingsError
from evo_nas.results.result import Result, load_result
from evo_nas.search import run_folder
from evo_nas.search.limits import DEFAULT, absolute
from evo_nas.search.options import plain, text, whole_number

from .file import SPECS, read_comparison, specs_in
from .timing import measures_times

FILE = "comparison.toml"
PROTOCOLS = ("paper", "equal")
_CLOSE = 0.01  # a cost this close to the reference's, as a share of it, is equal


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared.

    ``options`` are arguments of :func:`evo_nas.api.prepare`, the same for all runs; ``jobs`` runs
    go on at once, where no times are measured. The first of ``strategies`` is the one whose cost
    the others are given.
    """

    strategies: tuple[str, ...]
    seeds: tuple[int, ...]
    protocols: tuple[str, ...]
    jobs: int
    options: Mapping[str, Any]

    def __post_init__(self) -> None:
        if not self.strategies or len(set(self.strategies)) < len(self.strategies):
            named = ", ".join(self.strategies)
            raise SettingsError(f"strategies {named!r}: name one at least, and each once")
        unknown = set(self.protocols) - set(PROTOCOLS)
        if unknown or not self.protocols:
            raise SettingsError(f"protocols {', '.join(self.protocols)!r}: paper, equal, or both")

    def save(self, folder: Path) -> None:
        """Make the comparison's folder; there must be none yet."""
        run_folder.check_free(folder)
        remember([*self.strategies, *specs_in(self.options)])
        table = asdict(self) | {"options": {k: v for k, v in self.options.items() if v is not None}}
        with run_folder.made_aside(folder) as temporary:
            write_atomically(temporary / FILE, tomli_w.dumps(table).encode())

    @classmethod
    def read(cls, folder: Path) -> Comparison:
        """Read it from its folder.

        Raises:
            RunError: the file is missing or damaged.
        """
        path = folder / FILE
        table = read_comparison(path)
        given = {f.name: table[f.name] for f in fields(cls)}
        lists = {name: tuple(given[name]) for name in ("strategies", "seeds", "protocols")}
        try:
            return cls(**given | lists)
        except SettingsError as error:
            raise RunError(f"{path}: {error}") from error

    @property
    def at_once(self) -> int:
        """How many runs go on at once: one where times are measured, as others would bend them."""
        return 1 if self.jobs > 1 and measures_times(self.options) else self.jobs

    def arguments(self, strategy: str, seed: int) -> dict[str, Any]:
        """The arguments of one run."""
        # Runs that go on beside each other leave the cores to each other.
        jobs = {"jobs": 1} if self.at_once > 1 else {}
        return {**self.options, **jobs, "strategy": strategy, "seed": seed}

    def check(self) -> tuple[api.Prepared, ...]:
        """Each strategy's first run, prepared; raises an EvoNasError if one is not possible."""
        return tuple(api.prepare(**self.arguments(s, self.seeds[0])) for s in self.strategies)


def plan_comparison(
    strategies: Sequence[str],
    *,
    seeds: int = 5,
    first_seed: int = 0,
    protocol: str = "both",
    jobs: int | None = None,
    run_dir: str | Path | None = None,
    **options: Any,
) -> tuple[Comparison, Path]:
    """A comparison as a user asks for it, and the folder for it; nothing is written.

    ``protocol`` is "paper", "equal" or "both"; ``options`` are those of
    :func:`evo_nas.api.prepare`.

    Raises:
        EvoNasError: something given is wrong, or the folder exists.
    """
    options = _absolute({"space": "glit_hl", **plain(options)})
    text("protocol", protocol, "'paper', 'equal' or 'both'")
    first = whole_number("first_seed", first_seed)
    count = whole_number("seeds", seeds, 1)
    device = resolve_device(options.setdefault("device", "auto"))
    at_once = available_cores() if device == "cpu" else 1
    comparison = Comparison(
        strategies=tuple(places.absolute("strategy", name) for name in strategies if name),
        seeds=tuple(range(first, first + count)),
        protocols=PROTOCOLS if protocol == "both" else (protocol,),
        jobs=whole_number("jobs", at_once if jobs is None else jobs, 1),
        options=options,
    )
    given = [options.get(name) for name in ("flops", "params", "latency")]
    named = [text for text in (*given, *options.get("limits", ())) if text] or [DEFAULT]
    folder = (
        Path(run_dir) if run_dir else api.new_folder("compare-", options["space"], "-".join(named))
    )
    run_folder.check_free(folder)
    return comparison, folder


def _absolute(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with paths made absolute: a comparison may be resumed from another folder."""
    found = dict(options)
    for name, kind in SPECS.items():
        if found.get(name) is not None:
            found[name] = places.absolute(kind, found[name])
    if str(found.get("recipe", "")).endswith(".toml"):
        found["recipe"] = str(Path(found["recipe"]).expanduser().resolve())
    if found.get("limits"):
        found["limits"] = [absolute(text) for text in found["limits"]]
    return found


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


def make_runs(folder: Path, progress: Progress) -> list[Entry]:
    """Make all runs of the comparison in ``folder``; those that are finished are not made again.

    Raises:
        EvoNasError: another process is at work there, or a run failed.
    """
    comparison = Comparison.read(folder)
    with run_folder.held(folder):
        return _entries(comparison, folder, lambda entries: _make(comparison, entries, progress))


def finished_runs(folder: Path) -> list[Entry]:
    """The runs of a finished comparison.

    Raises:
        RunError: it is not finished.
    """

    def check(entries: Sequence[Entry]) -> None:
        if not all(entry.finished for entry in entries):
            raise RunError(f"{folder} is not finished; evo-nas resume {folder}")

    return _entries(Comparison.read(folder), folder, check)


def _entries(
    comparison: Comparison, folder: Path, finish: Callable[[Sequence[Entry]], None]
) -> list[Entry]:
    """All runs, protocol by protocol; what equal cost means follows from the finished first."""
    paper = [
        Entry("paper", strategy, seed, folder / "paper" / _name(strategy, seed), {})
        for seed in comparison.seeds
        for strategy in comparison.strategies
    ]
    finish(paper)
    entries = paper if "paper" in comparison.protocols else []
    if "equal" in comparison.protocols:
        equal = [_at_equal_cost(comparison, entry, paper, folder) for entry in paper]
        finish(equal)
        entries = entries + equal
    return entries


def _name(strategy: str, seed: int) -> str:
    return f"{registry.file_name(strategy)}-{seed}"


def _make(comparison: Comparison, entries: Sequence[Entry], progress: Progress) -> None:
    """Run what is not finished, several at once."""
    tasks = [
        (entry.folder, {**comparison.arguments(entry.strategy, entry.seed), **entry.changes})
        for entry in entries
        if not entry.finished
    ]
    if not tasks:
        return
    protocol = "equal cost" if entries[0].protocol == "equal" else "the paper's protocol"
    progress.start(protocol, len(entries), "runs")
    done = len(entries) - len(tasks)
    progress.advance(done)
    for position, _ in run_unordered(_run, tasks, min(comparison.at_once, len(tasks))):
        done += 1
        progress.advance(done, f"{tasks[position][0].name} is finished")


def _run(task: tuple[Path, dict[str, Any]]) -> None:
    """Begin one run, or go on with it."""
    folder, arguments = task
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
    reference = next(
        e for e in paper if (e.strategy, e.seed) == (comparison.strategies[0], entry.seed)
    )
    changes = _more(entry, cost(reference.result), comparison)
    own = entry.folder if changes is None else folder / "equal" / entry.folder.name
    return Entry("equal", entry.strategy, entry.seed, own, changes or {})


def _more(entry: Entry, target: int, comparison: Comparison) -> dict[str, Any] | None:
    """How many candidates and finalists cost ``target`` in all; None: the same, or no other."""
    result = entry.result
    settings = result.config.settings
    spent = cost(result)
    fixed = sum(
        images.passes for (_, phase), images in result.images.items() if phase == "training"
    )
    factor = (target - fixed) / max(spent - fixed, 1)
    if abs(spent - target) <= _CLOSE * target or factor <= 0:
        return None
    samples = max(int(settings.samples * factor), 1)
    finalists = max(int(settings.finalists * factor), 1)
    changes: dict[str, Any] = {"samples": samples, "finalists": finalists}
    plan = partial(_plan, comparison, entry)
    if plan(**changes) == plan():
        return None  # such as the largest network that fits: there is only one
    if result.of(result.stages[0], "search") and registry.has_option(
        "evaluator", result.config.evaluator, "run"
    ):
        changes["supernet"] = str(entry.folder)  # the same weights would be trained again
    return changes


def _plan(comparison: Comparison, entry: Entry, **changes: Any) -> object:
    prepared = api.prepare(**{**comparison.arguments(entry.strategy, entry.seed), **changes})
    return [outlook.stage for outlook in prepared.plan.stages]
