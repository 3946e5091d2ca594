"""A pool: networks of a space that were trained, several times each, to judge scores by.

Its folder is that of a run which searches nothing: config.toml, run.sqlite and checkpoints are as
there, trust.sqlite has what was trained, and pool.toml says what was asked for.

Why: docs/decisions/046-pools.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from evo_nas import api
from evo_nas.core.files import write_atomically
from evo_nas.core.plugins import places
from evo_nas.core.streams import Streams
from evo_nas.core.typed import toml_text, typed
from evo_nas.core.validation import read_toml
from evo_nas.data.source import SearchData
from evo_nas.errors import RunError, SettingsError, nearest, shell_word
from evo_nas.results.judgement import FEWEST
from evo_nas.sampling.feasible import Feasible
from evo_nas.sampling.sampler import Exhausted, Sampler
from evo_nas.search import run_folder
from evo_nas.search.architectures import find_architecture
from evo_nas.search.config import Config
from evo_nas.search.loop import Loop
from evo_nas.search.promises.code import code_of_run
from evo_nas.search.stage import stage_feasible
from evo_nas.space.costs.target import without_target
from evo_nas.space.space import Genome, Space
from evo_nas.strategies.base import Proposal, StagePlan, Strategy
from evo_nas.strategies.checks import plan as planned
from evo_nas.training.recipe import Recipe

from .answers import own_genome

_Count = Annotated[int, Field(ge=1, le=10**6)]
_Genome = tuple[Annotated[int, Field(ge=0, lt=2**31)], ...]
# What of a configuration a pool is of; the recipe's section ``train`` besides.
_IDENTITY = ("space", "flops", "limits", "strategy", "retrainer", "data", "seed", "device",
             "threads", "geometry")  # fmt: skip
GENOMES, SEEDS = 24, 2  # of a new pool
_OTHER = "leave it out, or choose another folder for a pool of its own"


@dataclass(frozen=True, slots=True)
class Size:
    """How large a pool shall be at least: None is as large as it is, or usual."""

    genomes: int | None = None
    seeds: int | None = None
    include: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Included:
    """A network that is in the pool by its name."""

    name: str
    genome: _Genome


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked of a pool: kept as pool.toml, so that it goes on when it was stopped.

    ``options`` are those of a run (:data:`~evo_nas.search.options.OF_POOLS`) that were given;
    ``stage`` is one of the strategy's, ``around`` the full genome that decides what earlier stages
    do. Of ``genomes`` drawn and ``included`` networks each is trained ``seeds`` times.
    """

    options: Mapping[str, Any]
    stage: str
    genomes: _Count
    seeds: _Count
    around: _Genome = ()
    included: tuple[Included, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> Asked:
        """Read it from a pool's folder."""
        path = folder / run_folder.POOL
        return typed(cls, read_toml(path, RunError), path, RunError)

    def save(self, folder: Path) -> None:
        """Write it into a pool's folder."""
        write_atomically(folder / run_folder.POOL, self.to_toml())

    def to_toml(self) -> bytes:
        """The file's content."""
        return toml_text(asdict(self)).encode()

    def grown(self, size: Size, space: Space, spec: str) -> Asked:
        """The same with as many networks and seeds at least, and those that are named."""
        known = {each.genome for each in self.included}
        named = [Included(name, named_genome(name, space, spec)) for name in size.include]
        found = replace(
            self,
            genomes=max(self.genomes, size.genomes or 1),
            seeds=max(self.seeds, size.seeds or 1),
            included=(*self.included, *(each for each in named if each.genome not in known)),
        )
        if found.genomes + len(found.included) < FEWEST:
            raise SettingsError(
                f"genomes is {found.genomes}; a pool has {FEWEST} networks at least"
            )
        return found


def named_genome(name: str, space: Space, spec: str) -> Genome:
    """The full genome of the architecture that ``name`` names, in the space of a pool."""
    architecture = find_architecture(name)
    if without_target(architecture.space) != without_target(spec):
        raise SettingsError(f"{name} is of the space {architecture.space}, the pool of {spec}")
    return space.check(architecture.genome)


def prepared(options: Mapping[str, Any], against: str | None) -> api.Prepared:
    """A pool as a run: its evaluator is what trains its networks."""
    spec = places.absolute("evaluator", "train" if against is None else against)
    found: api.Prepared = api.prepare(
        **{"strategy": "random_search", **options, "evaluator": spec, "retrainer": spec}
    )
    return found


def create(
    folder: Path,
    given: Mapping[str, Any],
    against: str | None,
    stage: str | None,
    around: str | None,
    size: Size,
) -> None:
    """Make the folder of a pool in which nothing is trained yet."""
    made = prepared(given, against)
    space, config = made.plan.space, made.config
    plan = chosen_stage([outlook.stage for outlook in made.plan.stages], stage)
    decided = () if around is None else named_genome(around, space, config.space)
    _legal(space, made.plan.limits, plan, decided, config.strategy)
    asked = Asked(options=_kept(given), stage=plan.name, around=decided, genomes=1, seeds=1)
    grown = asked.grown(replace(size, genomes=size.genomes or GENOMES, seeds=size.seeds or SEEDS),
                        space, config.space)  # fmt: skip
    made.create(folder, code_of_run(config), {run_folder.POOL: grown.to_toml()})


def _kept(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options as a pool keeps them: plug-ins are found again from any folder."""
    kinds = {"space": "space", "strategy": "strategy", "data": "data"}
    return {
        name: places.absolute(kinds[name], value) if name in kinds else value
        for name, value in given.items()
    }


class Pool:
    """An open pool; the caller holds its lock.

    ``recipe`` is by what scores are trained: the given one, whose section ``train`` is the pool's.
    """

    def __init__(
        self,
        folder: Path,
        given: Mapping[str, Any],
        against: str | None,
        jobs: int | None,
        progress: Any,
    ) -> None:
        self.folder, self.asked = folder, Asked.read(folder)
        config = Config.read(folder / run_folder.CONFIG)
        self.recipe: Recipe = config.recipe
        data: SearchData | None = None
        if "space" in given:  # the pool's limits may say nothing in another space
            asked, own = places.absolute("space", given["space"]), without_target(config.space)
            _refuse(folder, "space", own, without_target(asked))
        if given or against is not None:
            now = prepared({**self.asked.options, **given}, against or config.retrainer)
            _refuse_other(folder, config, now.config)
            self.recipe, data = now.config.recipe, now.data
        if jobs is not None:
            config = replace(config, jobs=jobs)
        self.config = config
        self.loop = Loop(folder, config, progress, data)
        strategy: Strategy = self.loop.strategy
        plans = planned(strategy, self.loop.space, config.settings)
        self.stage = chosen_stage(plans, self.asked.stage)
        decided = self.asked.around
        self.legal = _legal(self.loop.space, self.loop.limits, self.stage, decided, config.strategy)

    def check(self, stage: str | None, around: str | None) -> None:
        """Raise a SettingsError if what is given is another stage, or around another network."""
        if stage not in (None, self.stage.name):
            raise SettingsError(
                f"{self.folder} is a pool of {self.stage.name}, not {stage}; {_OTHER}"
            )
        if around is not None:
            decided = named_genome(around, self.loop.space, self.config.space)
            if decided != self.asked.around:
                raise SettingsError(
                    f"{self.folder} is around another network than {around}; {_OTHER}"
                )

    def grow(self, size: Size) -> None:
        """Note what is asked for, before anything is trained."""
        grown = self.asked.grown(size, self.loop.space, self.config.space)
        if grown != self.asked:
            self.asked = grown
            grown.save(self.folder)

    def networks(self) -> list[list[Proposal]]:
        """What is to be trained: networks drawn within the limits, and those that are included.

        More of them later keep those before them.
        """
        rng = Streams(self.config.seed).generator(self.stage.name, "pool")
        sampler, drawn = Sampler(self.legal), list[Proposal]()
        try:
            while len(drawn) < self.asked.genomes:
                drawn.append(Proposal(sampler.fresh(rng)[0], "random"))
        except Exhausted:
            self.loop.progress.say(f"no more than {len(drawn):,} networks are within the limits")
        included = []
        for each in self.asked.included:
            genome = own_genome(self.legal.space, each.genome)
            if genome is None:
                raise SettingsError(
                    f"{each.name} cannot be in a pool of {self.stage.name}, which holds other "
                    "choices fast; a pool of all choices (--strategy random_search) can have it"
                )
            included.append(Proposal(genome, each.name))
        return [drawn, included]

    def close(self) -> None:
        """Release what the run holds."""
        self.loop.measurer.close()
        self.loop.store.close()


def chosen_stage(plans: Sequence[StagePlan], name: str | None) -> StagePlan:
    """The stage of this name, by default the first; networks of it cost what they cost now."""
    named = {plan.name: plan for plan in plans}
    if name is not None and name not in named:
        raise SettingsError(f"the strategy has no stage {name!r}; {nearest(name, named)}")
    return replace(named[name] if name else plans[0], final=True)


def _legal(space: Space, limits: Any, plan: StagePlan, around: Genome, strategy: str) -> Feasible:
    """What the pool draws from."""
    first = plan.level is None or plan.level == min(space.levels)
    if first and around:
        raise SettingsError(f"{plan.name} of {strategy} follows from no earlier stage: no --around")
    if not first and not around:
        raise SettingsError(
            f"{plan.name} of {strategy} depends on what earlier stages decide; say it by the name "
            "or file of an architecture: --around deit_tiny"
        )
    return stage_feasible(space, plan, limits, around or None)


def _refuse_other(folder: Path, made: Config, now: Config) -> None:
    for name in _IDENTITY:
        called = "evaluator" if name == "retrainer" else name
        _refuse(folder, called, getattr(made, name), getattr(now, name))
    if made.recipe.train != now.recipe.train:
        raise SettingsError(
            f"networks in {folder} were trained by another recipe (its section train, or its "
            f"epochs: {made.recipe.train.epochs} then, {now.recipe.train.epochs} now); {_OTHER}"
        )


def _refuse(folder: Path, name: str, was: object, wanted: object) -> None:
    if was != wanted:
        told = f"{folder} is a pool of {name} {_told(was)}, not {_told(wanted)}"
        raise SettingsError(f"{told}; {_OTHER}")


def _told(value: object) -> str:
    return (", ".join(map(str, value)) or "none") if isinstance(value, tuple) else str(value)


def go_on(folder: Path) -> str:
    """The command that goes on with a pool."""
    return f"evo-nas trust --pool {shell_word(folder)}"
