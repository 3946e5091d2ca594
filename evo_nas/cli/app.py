"""The command line: thin ``commands`` over the engine; what they show is in ``views``."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from typing import Annotated, Any, NoReturn

import typer

from evo_nas.cli.commands import compare as comparing
from evo_nas.cli.commands import figure as figures
from evo_nas.cli.commands import list as names
from evo_nas.cli.commands import network as networks
from evo_nas.cli.commands import plugin
from evo_nas.cli.commands import run as runs
from evo_nas.cli.commands import trust as trusting
from evo_nas.cli.commands import watch as watching
from evo_nas.cli.help import Commands, TracebackFlag, add
from evo_nas.core.plugins.blame import describe, is_of_plugin, own_frames, show_traceback
from evo_nas.errors import EvoNasError

# Newer versions of typer carry their own copy of click, so its base error is found through typer.
_UsageError: Any = next(
    cls for cls in typer.BadParameter.__mro__ if cls.__name__ == "ClickException"
)

# Torch is imported only by commands that need it, so that help and errors come at once.

app = typer.Typer(
    cls=Commands,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Search neural network architectures by evolution under an exact compute budget.",
)


def main() -> None:
    """Run the command line; errors of the user end with one line and exit code 2."""
    for stream in (sys.stdout, sys.stderr):  # a file's name may be no UTF-8
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if os.environ.get("WORLD_SIZE", "1") != "1":  # perhaps by torchrun
        from evo_nas.training.steps import ranks

        if ranks.among_ranks():
            ranks.join()
    try:
        _main()
    finally:  # what runs from here on only takes down: Ctrl-C then ends it without a traceback
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_DFL)


def _main() -> NoReturn:
    """Run it, and tell how it ended."""
    try:
        sys.exit(app(list(map(_at_home, sys.argv[1:])), standalone_mode=False) or 0)
    except EvoNasError as error:
        if is_of_plugin(error):
            show_traceback(error)
        _fail(str(error))
    except _UsageError as error:
        _fail(error.format_message())
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        print("evo-nas: stopped", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has gone, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "allocate memory" not in str(error):
            raise  # torch has no class of its own for memory of the host
        _fail("there is not enough memory for this; make it smaller")
    except OSError as error:
        _fail(f"{error.strerror or error}: {error.filename}" if error.filename else str(error))
    except Exception as error:
        if not own_frames(error):
            raise  # a bug of ours, which a traceback tells best
        show_traceback(error)
        _fail(f"a plug-in raised {describe(error)}; evo-nas check finds such faults")


def _at_home(word: str) -> str:
    """The word of a command with ``~`` expanded, which a shell does not do behind ``--out=``."""
    flag, mark, value = word.partition("=") if word.startswith("--") else ("", "", word)
    return f"{flag}{mark}{os.path.expanduser(value)}"


def _fail(message: str) -> NoReturn:
    line = "".join(c if c.isprintable() else "?" for c in " ".join(message.split()))
    print(f"evo-nas: error: {line}", file=sys.stderr)
    sys.exit(2)


@app.callback(invoke_without_command=True)
def _versions(
    version: Annotated[
        bool, typer.Option("--version", help="Say versions, device, threads.")
    ] = False,
    traceback: TracebackFlag = False,
) -> None:
    if version:
        from evo_nas.core.devices import available_cores, environment, resolve_device

        facts = environment(resolve_device("auto"))
        print(f"evo-nas {facts.pop('evo-nas')}")
        print(", ".join(f"{name} {value}" for name, value in facts.items()))
        print(f"cores {available_cores()}")
        raise typer.Exit(0)


for command in (
    runs.run, runs.resume, runs.show, watching.watch, watching.serve, runs.report, runs.clean,
    comparing.compare, trusting.trust, names.space, names.costs, names.list_, networks.train,
    networks.predict, networks.convert, networks.export, plugin.new, plugin.check,
):  # fmt: skip
    add(app, command)
app.add_typer(figures.app, name="figure")
