"""The options of a run as flags of a command, in groups."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, Any, TypeVar

import typer

from evo_nas.search.options import GROUPS, OPTIONS, Option

from . import completion


def flag(
    metavar: str,
    told: str,
    *names: str,
    group: str | None = None,
    complete: completion.Completion | None = None,
) -> Any:
    """An option of one command: what its value is called, what it is for, and in which group."""
    return typer.Option(
        *names, metavar=metavar or None, help=told, rich_help_panel=group, autocompletion=complete
    )


NORMALISATION = "Normalisation"
MeanFlag = Annotated[
    str | None,
    flag("NUMBERS", "Of channels, as 0.5,0.5,0.5 [as the weights say].", group=NORMALISATION),
]
StdFlag = Annotated[str | None, flag("NUMBERS", "Likewise.", group=NORMALISATION)]
Command = TypeVar("Command", bound=Callable[..., None])


def with_options(
    without: Sequence[str] = (), only: Sequence[str] = tuple(OPTIONS), **helps: str
) -> Callable[[Command], Command]:
    """Give a command, which takes them as ``**options``, the flags of a run's options.

    They are None unless they are given. ``helps`` say what some of them mean for this command.
    """
    chosen = [OPTIONS[name] for name in only if name not in without]
    chosen = [replace(option, help=helps.get(option.name, option.help)) for option in chosen]
    flags = [_flag(option) for option in sorted(chosen, key=lambda o: GROUPS.index(o.group))]

    def give(command: Command) -> Command:
        own = inspect.signature(command, eval_str=True)
        parameters = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
        first = [p for p in parameters if p.kind is not p.KEYWORD_ONLY]
        given = [*first, *flags, *(p for p in parameters if p not in first)]
        command.__signature__ = own.replace(parameters=given)  # type: ignore[attr-defined]
        return command

    return give


def _flag(option: Option) -> inspect.Parameter:
    names = "/".join(filter(None, (option.flag, option.off)))
    complete = completion.of_option(option)
    about = flag(option.metavar, option.told, names, group=option.group, complete=complete)
    kind, place = Annotated[option.kind.flag | None, about], inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(option.name, place, default=None, annotation=kind)


def numbers(flag: str, text: str | None) -> list[float] | None:
    """Numbers from 0 to 1 with commas between them; a deviation is above 0."""
    if text is None:
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    fitting = [n for n in numbers if 0 <= n <= 1 and (n > 0 or flag == "--mean")]
    if not fitting or fitting != numbers:
        raise typer.BadParameter(f"{flag} {text!r}: give numbers between 0 and 1, as 0.5,0.5,0.5")
    return numbers
