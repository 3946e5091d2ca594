"""Writing a small working plug-in package, to be changed into one's own.

The templates are such packages themselves, called ``my_space``, ``my_evaluator``,
``my_strategy`` and ``my_callback``: writing one is putting another name in the place of theirs.
"""

from __future__ import annotations

import keyword
import re
import sys
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from evo_nas.core.plugins import registry
from evo_nas.errors import SettingsError, SpecError, nearest, shell_word

KINDS = ("space", "evaluator", "strategy", "callback")


@dataclass(frozen=True, slots=True)
class Package:
    """A package that was written: its folder, the names of its files, and its spec by path."""

    kind: str
    name: str
    folder: Path
    files: tuple[str, ...]
    spec: str

    @property
    def next_commands(self) -> tuple[tuple[str, str], ...]:
        """What to try first: commands, each with what it does."""
        folder, spec = shell_word(self.folder), shell_word(self.spec)
        return (
            (_TRY[self.kind].format(spec=spec), "run it by its path"),
            (f"evo-nas check {self.kind} {spec}", "whether it keeps the contract"),
            (f"pytest {folder}", "the same as tests"),
            (f"pip install -e {folder}", f"from then on it is {self.name}, anywhere"),
        )


_TRY = {
    "space": "evo-nas run --space {spec} --flops 25M --evaluator zero_cost --samples 100 "
    "--finalists 2",
    "evaluator": "evo-nas run --evaluator {spec} --strategy spos --samples 100 --finalists 2",
    "strategy": "evo-nas run --strategy {spec} --evaluator zero_cost --samples 100 --finalists 2",
    "callback": "evo-nas run --callback {spec} --evaluator zero_cost --samples 100 --finalists 2",
}


def write_package(kind: str, name: str, folder: Path | None = None) -> Package:
    """Write a package of this name into a new ``folder`` (default: called after it, here).

    Raises:
        SpecError: there is no such kind.
        SettingsError: the name cannot be that of a module, or is taken; or the folder is there.
    """
    check_kind(kind)
    _check_name(kind, name)
    folder = Path(name) if folder is None else folder
    try:
        folder.mkdir(parents=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise SettingsError(
            f"{str(folder)!r} is there already, and nothing is overwritten; choose another "
            "--folder, or another name"
        ) from error
    class_name = "".join(part.capitalize() for part in name.split("_"))
    original = f"my_{kind}"
    written = []
    for template in sorted((files(__name__) / "templates" / kind).iterdir(), key=str):
        if not template.is_file():
            continue  # such as what Python makes beside a module that was imported
        text = template.read_text(encoding="utf-8")
        text = text.replace(original, name).replace(f"My{kind.capitalize()}", class_name)
        written.append(template.name.replace(original, name))
        (folder / written[-1]).write_text(text, encoding="utf-8")
    spec = f"{folder / name}.py:{class_name}"
    return Package(kind, name, folder, tuple(written), spec)


def check_kind(kind: str) -> None:
    """Raise a SpecError that names the kinds of plug-ins, unless this is one."""
    if kind not in KINDS:
        raise SpecError(f"there is no kind of plug-in {kind!r}; {nearest(kind, KINDS)}")


def _check_name(kind: str, name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or keyword.iskeyword(name):
        words = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())
        better = "_".join(words).lstrip("0123456789_")
        if not better or keyword.iskeyword(better):
            better = f"{better or 'my'}_{kind}"
        raise SettingsError(
            f"{name!r} cannot be the name of a Python module here; use small letters, digits and "
            f"_ between words, as in {better}"
        )
    if name in registry.names(kind):
        raise SettingsError(f"there is a {kind} {name!r} already; choose another name")
    if name in sys.stdlib_module_names or find_spec(name) is not None:
        raise SettingsError(
            f"{name!r} is the name of an installed Python module, which the new one would hide; "
            f"choose another, such as {name}_{kind}"
        )
