"""What ``--help`` shows: flags in groups, and commands to start from.

A command's docstring ends with them, below ``Examples:``.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from evo_nas.core.plugins.blame import TRACEBACKS
from evo_nas.search.options import with_default

_EXAMPLES = "Examples:"


def _show_tracebacks(asked: bool) -> None:
    if asked:
        os.environ[TRACEBACKS] = "1"  # which the processes that are started inherit


TracebackFlag = Annotated[
    bool,
    typer.Option(
        "--traceback", help="Show a plug-in's whole error, not a line about it.",
        callback=_show_tracebacks,
    ),
]  # fmt: skip


def add(app: typer.Typer, command: Callable[..., None]) -> None:
    """Make a function a command, which is called as it is and also takes ``--traceback``."""
    own = inspect.signature(command, eval_str=True)
    place = inspect.Parameter.KEYWORD_ONLY
    flag = inspect.Parameter("traceback", place, default=False, annotation=TracebackFlag)

    @wraps(command)
    def run(*, traceback: bool, **given: Any) -> None:
        command(**given)

    run.__signature__ = own.replace(parameters=[*own.parameters.values(), flag])  # type: ignore[attr-defined]
    app.command(command.__name__.rstrip("_"), cls=_Command)(run)


class _Command(TyperCommand):
    """A command whose help has a section for each group of flags, and examples."""

    def __init__(self, *arguments: Any, **given: Any) -> None:
        super().__init__(*arguments, **given)
        self.help, _, examples = (self.help or "").partition(_EXAMPLES)
        self.examples = [line.strip() for line in examples.strip().splitlines()]
        every: list[Any] = self.params
        self.arguments = [p for p in every if p.param_type_name == "argument" and not p.hidden]
        for option in every:
            if option.param_type_name == "option":
                option.help = with_default(option.help or "", option.default)
                option.show_default = False

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        words = map(_word, self.arguments)
        needed = [argument.required for argument in self.arguments]
        return ["[OPTIONS]", *(w if n else f"[{w}]" for w, n in zip(words, needed, strict=True))]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections = {"Arguments": [(_word(each), each.help) for each in self.arguments]}
        for option in self.get_params(ctx):
            told = option.get_help_record(ctx) if option.param_type_name == "option" else None
            if told is not None:
                title = getattr(option, "rich_help_panel", None) or "Options"
                sections.setdefault(title, []).append(told)
        sections["Options"] = sections.pop("Options")  # the last
        for title, lines in sections.items():
            if lines:
                with formatter.section(title):
                    formatter.write_dl(lines)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        if self.examples:
            with formatter.section(_EXAMPLES.removesuffix(":")):
                formatter.write("".join(f"  {line}\n" for line in self.examples))


def _word(argument: Any) -> str:
    """What stands for an argument."""
    word = argument.metavar or argument.name.upper()
    return f"{word}..." if argument.nargs != 1 else word


class Commands(TyperGroup):
    """Commands, listed with a whole sentence each; without one they are listed, too."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args or ["--help"])

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        listed = [(name, self.commands[name]) for name in self.list_commands(ctx)]
        told = [(name, (command.help or "").partition("\n\n")[0]) for name, command in listed]
        with formatter.section("Commands"):
            formatter.write_dl(told)
