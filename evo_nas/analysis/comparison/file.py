"""What is compared, as comparison.toml keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from evo_nas import api
from evo_nas.core.files import write_atomically
from evo_nas.core.plugins import registry
from evo_nas.core.plugins.trusted_code import check_known, remember
from evo_nas.core.typed import toml_text, typed
from evo_nas.core.validation import read_toml, shown
from evo_nas.errors import BudgetError, RunError, SettingsError
from evo_nas.evaluation.evaluator import Evaluator
from evo_nas.sampling.limits import parse_limit
from evo_nas.search import run_folder
from evo_nas.search.given.file import named_specs
from evo_nas.search.limits import names_evaluator
from evo_nas.search.options import OPTIONS
from evo_nas.space.costs.alike import sharing

from .reference import LONG, Reference, ReferenceRow, check_trained

PROTOCOLS = ("paper", "equal")
REFERENCE = "reference"  # what stands beside both
# What a comparison varies is no option of all its runs.
SHARED = tuple(name for name in OPTIONS if name not in ("strategy", "seed", "start", "run_dir"))
if TYPE_CHECKING:
    _Options = Mapping[str, Any]
else:
    _NUMBERS = {
        int: Annotated[int, Field(ge=-(2**63), lt=2**63)],
        float: Annotated[float, Field(allow_inf_nan=False)],
    }
    _KEPT = {name: OPTIONS[name].kind.kept for name in SHARED}
    _Options = TypedDict("_Options", {n: _NUMBERS.get(k, k) for n, k in _KEPT.items()}, total=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared, and with which ``references``, see :mod:`.reference`.

    ``options`` are arguments of :func:`evo_nas.api.prepare`, the same for all runs; ``jobs`` runs
    go on at once, where no times are measured. The first of ``strategies`` is the one whose cost
    the others are given.
    """

    strategies: tuple[str, ...]
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**63)], ...]
    protocols: tuple[str, ...]
    jobs: Annotated[int, Field(ge=1, le=4096)]
    options: _Options
    references: tuple[Reference, ...] = ()

    def __post_init__(self) -> None:
        for name, values in (("strategies", self.strategies), ("seeds", self.seeds)):
            if not values or len(set(values)) < len(values):
                named = ", ".join(map(str, values))
                raise SettingsError(f"{name} {shown(named)}: name one at least, and each once")
        names = [reference.name for reference in self.references]
        if twice := {name for name in names if names.count(name) > 1}:
            raise SettingsError(f"references {shown(', '.join(twice))}: name each once")
        unknown = set(self.protocols) - set(PROTOCOLS)
        if unknown or not self.protocols:
            raise SettingsError(f"protocols {', '.join(self.protocols)!r}: paper, equal, or both")

    def save(self, folder: Path) -> None:
        """Make the comparison's folder; there must be none yet."""
        run_folder.check_free(folder)
        remember(self._specs)
        with run_folder.made_aside(folder) as temporary:
            write_atomically(temporary / run_folder.COMPARISON, toml_text(as_table(self)).encode())

    @classmethod
    def read(cls, folder: Path) -> Comparison:
        """Read it from its folder.

        Raises:
            EvoNasError: the file is missing or damaged, or names code that is not known here.
        """
        path = folder / run_folder.COMPARISON
        read = typed(cls, read_toml(path, RunError), path, RunError)
        try:
            named = read._specs
        except BudgetError as error:
            raise RunError(f"{path}: options.limits: {error}") from error
        check_known(named, path)
        return read

    @property
    def _specs(self) -> list[str]:
        """The plug-ins that it names, with those that measure for limits."""
        named = [reference.space for reference in self.references if reference.space]
        return [*self.strategies, *named_specs(self.options), *named]

    @property
    def rows_of_references(self) -> list[ReferenceRow]:
        """The rows of all references, in their order."""
        return [row for reference in self.references for row in reference.rows]

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
        """The first run of each strategy, then of each reference, prepared.

        Raises:
            EvoNasError: one is not possible.
        """
        seed = self.seeds[0]
        runs = [self.arguments(strategy, seed) for strategy in self.strategies]
        runs += [runs[0] | reference.changes for reference in self.references]
        with sharing():
            prepared = tuple(api.prepare(**run) for run in runs)
        if any(reference.given == LONG for reference in self.references):
            check_trained(prepared[0])
        return prepared


def as_table(comparison: Comparison) -> dict[str, Any]:
    """The comparison as files have it: what is not compared with anything says nothing of that."""
    return {key: value for key, value in asdict(comparison).items() if value != ()}


def measures_times(options: Mapping[str, Any]) -> bool:
    """Whether these arguments of a run say how long it may take, or name an evaluator that is not
    ``repeatable``.
    """
    if options.get("time") is not None:
        return True
    scorer: Evaluator = registry.load("evaluator", options.get("evaluator") or "supernet")
    specs = [options.get("retrainer") or scorer.retrainer]
    if options.get("latency") is not None:
        specs.append("latency")
    limits = map(parse_limit, options.get("limits") or ())
    specs += [limit.spec for limit in limits if names_evaluator(limit)]
    others: list[Evaluator] = [registry.load("evaluator", spec) for spec in specs]
    return not all(evaluator.repeatable for evaluator in (scorer, *others))
