"""The options of a run as flags of a command, in groups."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand

from evo_nas.search.options import GROUPS, OPTIONS, Option

MeanFlag = Annotated[
    str | None, typer.Option(help="By channel, as 0.5,0.5,0.5 [as the weights say].")
]
StdFlag = Annotated[str | None, typer.Option(help="Likewise.")]
Command = TypeVar("Command", bound=Callable[..., None])


def with_options(
    without: Sequence[str] = (), only: Sequence[str] = tuple(OPTIONS), **helps: str
) -> Callable[[Command], Command]:
    """Give a command, which takes them as ``**options``, the flags of a run's options.

    ``helps`` say what some of them mean for this command. Where it takes ``only`` some, they are
    None unless they are given.
    """
    chosen = [OPTIONS[name] for name in only if name not in without]
    if len(only) < len(OPTIONS):
        chosen = [replace(option, default=None, help=_with_default(option)) for option in chosen]
    chosen.sort(key=lambda option: GROUPS.index(option.group))
    flags = [_flag(option, helps.get(option.name, option.help)) for option in chosen]

    def give(command: Command) -> Command:
        own = inspect.signature(command, eval_str=True)
        parameters = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
        first = [p for p in parameters if p.kind is not p.KEYWORD_ONLY]
        given = [*first, *flags, *(p for p in parameters if p not in first)]
        command.__signature__ = own.replace(parameters=given)  # type: ignore[attr-defined]
        return command

    return give


def _with_default(option: Option) -> str:
    """What is told of an option, with its default, which is not shown where it is None."""
    usual = option.default
    return option.help if usual in (None, ()) else f"{option.help.rstrip('.')} [{usual}]."


def _flag(option: Option, told: str) -> inspect.Parameter:
    several = option.kind.flag == list[str]
    kind = option.kind.flag | None if several else option.type_of(option.kind.flag)
    about: Any = typer.Option(
        "/".join(filter(None, (option.flag, option.off))),
        help=told,
        metavar=option.metavar or None,
        rich_help_panel=option.group,
    )
    default, place = None if several else option.default, inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(option.name, place, default=default, annotation=Annotated[kind, about])


class Grouped(TyperCommand):
    """A command whose help has a section for each group of flags."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for flag in self.get_params(ctx):
            told = flag.get_help_record(ctx)
            if told is not None:
                title = getattr(flag, "rich_help_panel", None) or "Options"
                sections.setdefault(title, []).append(told)
        for title, lines in sections.items():
            with formatter.section(title):
                formatter.write_dl(lines)


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
