"""An architecture as it is shown: as boxes, and as a table of what each slot holds and costs."""

from __future__ import annotations

from dataclasses import dataclass

from .space import Cell, Costs, Genome, Option, Space


@dataclass(frozen=True, slots=True)
class SlotTable:
    """``names`` are the kinds of choices in slots, whose values the rows hold in this order.

    ``context`` are the choices that belong to no slot, by name. ``rest`` is what an architecture
    costs besides its slots; None where costs do not add up, and then rows have no costs.
    """

    names: tuple[str, ...]
    rows: tuple[SlotRow, ...]
    context: tuple[tuple[str, Option], ...]
    total: Costs
    rest: Costs | None


@dataclass(frozen=True, slots=True)
class SlotRow:
    """A slot; a value is None where the slot has no such choice, or it is inactive.

    ``texts`` are "-" there, and "None" where that is the option.
    """

    slot: str
    values: tuple[Option, ...]
    texts: tuple[str, ...]
    costs: Costs | None


@dataclass(frozen=True, slots=True)
class Portrait:
    """An architecture as it is shown: its boxes, their legend, its slots, where it is counted."""

    genome: Genome
    cells: tuple[Cell, ...]
    legend: str
    slots: SlotTable
    counted: str


def portrait(space: Space, genome: Genome) -> Portrait:
    """The portrait of a full genome."""
    cells = tuple(space.picture(genome))
    return Portrait(genome, cells, space.legend, slot_table(space, genome), space.counted)


def slot_table(space: Space, genome: Genome) -> SlotTable:
    """The table of a full genome."""
    options = space.options(genome)
    context = tuple(genome[i] for i in space.context)
    names = tuple(dict.fromkeys(kind(space, i) for i in sum(space.slots.values(), ())))
    tables = {slot: space.slot_costs(slot, context) for slot in space.slots}
    additive = bool(tables) and all(tables.values())
    rows = []
    for slot, positions in space.slots.items():
        choices = {kind(space, i): space.choices[i].name for i in positions}
        held = {kind: options[name] for kind, name in choices.items() if name in options}
        table = tables[slot] if additive else None
        costs = table[tuple(genome[i] for i in positions)] if table else None
        values = tuple(held.get(name) for name in names)
        texts = tuple(str(held.get(name, "-")) for name in names)
        rows.append(SlotRow(slot, values, texts, costs))
    return SlotTable(
        names=names,
        rows=tuple(rows),
        context=tuple(
            (choice.name, options[choice.name])
            for choice in (space.choices[i] for i in space.context)
            if choice.name in options
        ),
        total=space.costs(genome),
        rest=space.fixed_costs(context) if additive else None,
    )


def kind(space: Space, position: int) -> str:
    """The kind of a choice: the same word in all slots that are alike."""
    choice = space.choices[position]
    return "option" if choice.name == choice.slot else choice.name.removeprefix(f"{choice.slot}.")
