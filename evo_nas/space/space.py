"""Search spaces: stages, costs, and the networks that a space can build.

A space author writes a subclass of :class:`Space` with ``name``, ``choices``, ``target`` and as
many of the methods at its end as the space is to be used for. Everything else follows from them.

Why: docs/decisions/017-space-fingerprint.md.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, TypeAlias

from pydantic import Field

from evo_nas.errors import SpaceError

from .choices import Choice, Choices, Genome, Option
from .costs.integers import convert_costs

if TYPE_CHECKING:
    from torch import nn

    from .costs.handles import Handle
    from .subspace import Subspace
    from .supernet import Supernet

__all__ = ["Cell", "Choice", "Costs", "Genome", "Geometry", "Option", "Space"]

Costs: TypeAlias = Mapping[str, int]  # "flops" (multiply-accumulates, batch 1) and "params"


Size = Annotated[int, Field(ge=0, le=2**20)]
OF_IMAGES = ("image_size", "channels", "classes")
_CONTEXTS = 1000  # whose costs are kept


@dataclass(frozen=True, slots=True)
class Geometry:
    """What a genome does not decide.

    ``image_size`` and ``patch_size`` are pixels of a square's side, ``width`` channels; a space
    ignores what it has no use for.
    """

    image_size: Size
    channels: Size
    classes: Size
    patch_size: Size = 1
    width: Size = 1
    heads: Size = 1

    def same_size(self, other: Geometry) -> bool:
        """Whether they are the same but for what images decide, channels and classes."""
        return self == replace(other, channels=self.channels, classes=self.classes)

    def __str__(self) -> str:
        parts = [
            f"{self.width} wide" if self.width > 1 else "",
            f"{self.heads} heads" if self.heads > 1 else "",
            f"{self.image_size}x{self.image_size}x{self.channels} images",
            f"patch {self.patch_size}" if self.patch_size > 1 else "",
            f"{self.classes} classes",
        ]
        return ", ".join(filter(None, parts))


@dataclass(frozen=True, slots=True)
class Cell:
    """One box of an architecture's picture: a title, lines below it, and a shade from 0 to 1."""

    title: str
    lines: tuple[str, ...]
    shade: float


class Space(Choices, ABC):
    """A search space; see the module's docstring. Budgets are counted at ``target``.

    ``target`` is the author's default: what :attr:`target_sizes` names of it users may choose, in
    the option ``target`` of the space's spec, before anything is asked of the space.

    ``flop_handles`` has fvcore's handles of operators whose FLOPs nobody else knows, by their name,
    such as ``aten::fft_fft``: None where one is free, or a function of its inputs and outputs.
    """

    target: Geometry
    flop_handles: Mapping[str, Handle | None] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        convert_costs(cls)

    # -- stages of a hierarchical search ---------------------------------------------------------

    def lift(self, genome: Sequence[int]) -> Genome:
        """The canonical full genome; for a space in which nothing is frozen, the genome itself."""
        return self.canonical(genome)

    @property
    def root(self) -> Space:
        """The space whose full genomes :meth:`lift` gives."""
        return self

    def details(self) -> Mapping[str, Option]:
        """What the choices of later levels hold while an earlier level is searched.

        The middle option, unless a space knows better.
        """
        return {c.name: c.options[len(c.options) // 2] for c in self.choices}

    def fixed_at(self, level: int, decided: Genome | None) -> dict[str, Option]:
        """The choices that are frozen while ``level`` is searched, by name.

        Earlier levels hold what ``decided`` (a full genome, None at the first level) says, later
        ones their :meth:`details`. A space may freeze more, slot by slot: what it freezes in a slot
        may depend on what was decided in that slot and in the context, on nothing else.
        """
        details = self.details()
        fixed: dict[str, Option] = {}
        for position, choice in enumerate(self.choices):
            if choice.level > level:
                fixed[choice.name] = details[choice.name]
            elif choice.level < level:
                assert decided is not None, "a later level needs what was decided before it"
                fixed[choice.name] = choice.options[decided[position]]
        return fixed

    def stage(self, level: int, decided: Genome | None = None) -> Subspace:
        """The space that a hierarchical search searches at ``level``."""
        from .subspace import Subspace

        return Subspace(self, self.fixed_at(level, decided))

    def reachable(self, slot: str) -> tuple[Mapping[str, Option], ...]:
        """The root's options by name of each joint value that a slot of the root can take here."""
        genomes = [
            self.place(slot, context, value)
            for context in self.contexts
            for value in self.slot_values(slot, context)
        ]
        return self._different(genomes, self.root.slots[slot])

    def reachable_contexts(self) -> tuple[Mapping[str, Option], ...]:
        """The root's options by name that the root's context choices can take here."""
        genomes = [self.fill(self.given(context)) for context in self.contexts]
        return self._different(genomes, self.root.context)

    def _different(
        self, genomes: Sequence[Genome], positions: Sequence[int]
    ) -> tuple[Mapping[str, Option], ...]:
        """The different options of the root's choices at these positions."""
        root = self.root
        wanted = {root.choices[i].name for i in positions}
        full = genomes if self is root else [self.lift(genome) for genome in genomes]
        found = [{k: v for k, v in root.options(g).items() if k in wanted} for g in full]
        return tuple({tuple(options.items()): options for options in found}.values())

    @cached_property
    def fingerprint(self) -> str:
        """A digest of name, target, choices and the costs of the first and last genome.

        A run goes on only with the space that it began with: files of spaces can be edited.
        """
        last = self.canonical([len(choice.options) - 1 for choice in self.choices])
        costs = [dict(self.costs(genome)) for genome in ((0,) * len(self.choices), last)]
        whens = [{k: sorted(map(str, v)) for k, v in c.when.items()} for c in self.choices]
        choices = [
            [c.name, c.options, c.level, c.slot, when]
            for c, when in zip(self.choices, whens, strict=True)
        ]
        told = [self.name, asdict(self.target), choices, costs]
        return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    # -- costs at the target geometry ------------------------------------------------------------

    own_target: Geometry | None = None  # the author's, where a user has chosen another

    @property
    def target_sizes(self) -> tuple[str, ...]:
        """The numbers of the target that users may choose; () if costs follow no other target.

        What images decide, and whatever else the target says; nothing where it knows no images.
        """
        known = asdict(self.target) if self.target.image_size else {}
        return tuple(n for n, size in known.items() if size > 1 or n in OF_IMAGES)

    @property
    def counted(self) -> str:
        """Where FLOPs are counted, in words."""
        return f"at the target: {self.target}"

    def costs(self, genome: Sequence[int]) -> Costs:
        """FLOPs and parameters of a genome at the target geometry.

        The sum over slots; a space whose cost is not additive overrides this, and leaves
        :meth:`slot_costs` as it is.
        """
        genome = self.canonical(genome)
        context = tuple(genome[i] for i in self.context)
        # Who changes the target means other networks; of many contexts some are kept.
        if self._asked_at is not self.target or len(self._asked) > _CONTEXTS:
            self._asked_at, self._asked = self.target, {}
        if context not in self._asked:  # once: what slots cost may take counting
            tables = {slot: self.slot_costs(slot, context) for slot in self.slots}
            self._asked[context] = dict(self.fixed_costs(context)), tables
        fixed, tables = self._asked[context]
        total = dict(fixed)
        for slot, positions in self.slots.items():
            table = tables[slot]
            if table is None:
                raise SpaceError(
                    f"space {self.name} defines neither slot_costs nor costs; derive it from "
                    "evo_nas.space.CountedSpace, which counts its networks, or define one of them"
                )
            for name, cost in table[tuple(genome[i] for i in positions)].items():
                total[name] += cost
        return total

    _asked_at: Geometry | None = None
    _asked: dict[Genome, tuple[Costs, dict[str, Mapping[Genome, Costs] | None]]]

    def slot_costs(self, slot: str, context: Genome) -> Mapping[Genome, Costs] | None:
        """The cost of each of a slot's values under a context; None if costs do not add up."""
        return None

    def fixed_costs(self, context: Genome) -> Costs:
        """The costs of every genome with this context besides its slots."""
        return {"flops": 0, "params": 0}

    # -- networks --------------------------------------------------------------------------------

    @abstractmethod
    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        """The stand-alone network: images (batch, channels, size, size) to logits."""

    def supernet(self, geometry: Geometry, reachable: Space | None = None) -> Supernet:
        """Shared weights for all that the subspace ``reachable`` (default: self) can reach."""
        raise SpaceError(
            f"space {self.name} has no supernet; use another evaluator, such as --evaluator train"
        )

    def entangled_supernet(self, geometry: Geometry, reachable: Space | None = None) -> Supernet:
        """The same, with weights that are slices of the largest network's.

        For a space whose :meth:`supernet` shares weights otherwise.
        """
        raise SpaceError(f"space {self.name} shares weights in one way; leave sharing out")

    @property
    def entangles(self) -> bool:
        """Whether the space has an :meth:`entangled_supernet` besides the usual one."""
        return type(self).entangled_supernet is not Space.entangled_supernet

    def proxy(self, image_size: int, channels: int, classes: int) -> Geometry:
        """A small geometry, which a laptop can train, for such images; whatever their size."""
        raise SpaceError(f"space {self.name} has no proxy geometry for {image_size}-pixel images")

    # -- known results ---------------------------------------------------------------------------

    def metrics(self, genome: Sequence[int], repeat: int | None = None) -> Mapping[str, float]:
        """Metrics known without computing: "accuracy", "standard_error" and others.

        The best known values; or those of one repeat (the first is 0), which are noisy.

        Raises:
            SpaceError: there are no such results.
        """
        raise SpaceError(f"space {self.name} has no table of results; use another evaluator")

    # -- pictures --------------------------------------------------------------------------------

    legend: str = ""  # what the words and shades of the picture mean

    def picture(self, genome: Sequence[int]) -> tuple[Cell, ...]:
        """The architecture as boxes in order, for people to look at; none by default."""
        return ()
