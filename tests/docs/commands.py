"""What can be said of a command of the documentation without running it.

That of evo-nas and of our own modules is parsed; a script is run with an evo-nas that does nothing
but tell its arguments; files, tests, and extras that are named have to be there.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import typer.main

from evo_nas.cli import app as cli

ROOT = Path(__file__).resolve().parents[2]
_TELLING = """
import json, sys
with open(sys.argv[1], "a") as file:
    print(json.dumps(sys.argv[2:]), file=file)
"""


class _Parsed(BaseException):
    """Arguments were taken; the program need not go on."""


def look(words: list[str], place: str) -> None:
    """Fail if the command could not be run as it stands; of a program not known, if it is not."""
    program, rest = words[0], words[1:]
    if program == "nice":
        look(rest[2:], place)
    elif program == "evo-nas":
        parse(rest, place)
    elif program == "python":
        assert rest[0] == "-m", f"{place}: only modules are looked at"
        parse_module(rest[1], rest[2:], place)
    elif program == "pytest":
        look_for_tests(rest, place)
    elif program == "pip":
        look_for_packages(rest, place)
    elif program == "ssh":
        look(rest[rest.index("server") + 1 :], place)
    elif program == "torchrun":
        module = rest[rest.index("-m") + 1 :]
        assert module[0] == "evo_nas", f"{place}: what is {module[0]}?"
        parse(module[1:], place)
    elif program == "bash":
        look_into_script(ROOT / rest[0], rest[1:], place)
    else:
        assert program in {"ruff", "mypy", "lint-imports", "mkdocs"}, f"{place}: what is {program}?"


def parse(words: list[str], place: str) -> None:
    """Options and arguments as the command line takes them, values by their types."""
    command, rest = find(words, place)
    try:
        command.make_context(command.name, list(rest)).close()
    except cli._UsageError as error:
        pytest.fail(f"{place}: evo-nas {shlex.join(words)}: {error.format_message()}")


def find(words: list[str], place: str) -> tuple[Any, list[str]]:
    """The command that the first words name, and the other words."""
    command: Any = typer.main.get_command(cli.app)
    while hasattr(command, "commands") and words and not words[0].startswith("--"):
        assert words[0] in command.commands, f"{place}: there is no command {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    return command, words


def parse_module(name: str, arguments: list[str], place: str) -> None:
    """Our own modules parse their arguments before they do anything; they get no further."""
    assert name.partition(".")[0] in {"benchmarks", "tests"}, f"{place}: what is {name}?"
    taken = argparse.ArgumentParser.parse_args

    def parse_args(parser: argparse.ArgumentParser, *given: Any) -> None:
        taken(parser, *given)
        raise _Parsed

    with (
        mock.patch.object(argparse.ArgumentParser, "parse_args", parse_args),
        mock.patch.object(sys, "argv", [name, *arguments]),
        mock.patch.object(sys, "path", [str(ROOT), *sys.path]),
    ):
        try:
            module = importlib.import_module(name)
            if hasattr(module, "__path__"):
                module = importlib.import_module(f"{name}.__main__")
            module.main()
        except _Parsed:
            return
        except SystemExit:
            pytest.fail(f"{place}: {name} does not take {shlex.join(arguments)}")
        except ModuleNotFoundError as error:
            pytest.fail(f"{place}: {error}")
    pytest.fail(f"{place}: {name} parses no arguments")


def look_for_tests(words: list[str], place: str) -> None:
    """Files of tests, or folders that hold some."""
    for word in words:
        if not word.startswith("tests"):
            continue
        path = ROOT / word
        files = sorted(path.glob("test_*.py")) if path.is_dir() else [path]
        assert files, f"{place}: no tests are in {word}"
        for file in files:
            assert file.is_file(), f"{place}: there is no file {word}"
            assert re.search(r"^def test_", file.read_text("utf-8"), re.M), f"{place}: {word}"


def look_for_packages(words: list[str], place: str) -> None:
    """The file of constraints, and the extras of ``.[EXTRA,...]``."""
    assert words[0] == "install", f"{place}: pip {words[0]}"
    if "-c" in words:
        file = words[words.index("-c") + 1]
        assert (ROOT / file).is_file(), f"{place}: there is no file {file}"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for found in re.finditer(r"(?:^| )\.\[(.+?)\]", " ".join(words)):
        missing = set(found[1].split(",")) - project["optional-dependencies"].keys()
        assert not missing, f"{place}: there is no extra {', '.join(missing)}"


def look_into_script(script: Path, arguments: list[str], place: str) -> None:
    """Run a script of the shell where evo-nas only tells what it was called with; parse that."""
    assert script.is_file(), f"{place}: there is no file {script.relative_to(ROOT)}"
    with tempfile.TemporaryDirectory() as folder:
        program, told = Path(folder) / "evo-nas", Path(folder) / "told"
        words = shlex.join([sys.executable, "-c", _TELLING, str(told)])
        program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')  # of no other is a path with spaces
        program.chmod(0o755)
        paths = os.pathsep.join([folder, os.environ["PATH"]])
        subprocess.run(
            ["bash", str(script), *arguments],
            cwd=folder, env={**os.environ, "PATH": paths}, check=True, timeout=60,
        )  # fmt: skip
        calls = told.read_text("utf-8").splitlines()
    for call in calls:
        parse(json.loads(call), f"{place}, {script.name}")
