"""The files that code consists of: those that Python files import and name, as their text says.

Read, not run: what is imported when it is first needed counts as well. Names are those that are
written down; what code puts together from parts is not found.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from evo_nas.core.paths import absolute

from .origins import is_installed_file, is_ours

# Endings of files that say what is computed. Logs and notes that a plug-in writes have others.
TELLING = (
    ".cfg", ".csv", ".ini", ".json", ".npy", ".npz", ".parquet", ".pickle", ".pkl", ".pt", ".pth",
    ".py", ".safetensors", ".sh", ".so", ".toml", ".tsv", ".yaml", ".yml",
)  # fmt: skip
_IMPORTING = ("import_module", "__import__")
_MODE = re.compile(r"[bt]?([wax][bt+]*|r[bt]*\+[bt]*)")  # of a file that is opened to be written
_LONGEST = 200  # characters of a text in code that may name a file


def belonging(paths: Iterable[Path], roots: Sequence[Path]) -> Iterator[Path]:
    """The files and, of those of Python, all that belongs to them, each once and in full.

    Modules are looked for in ``roots``, then where Python does, but for what is installed.
    """
    search = [*map(absolute, roots), *search_path()]
    waiting, seen = [absolute(path) for path in paths], set[Path]()
    while waiting:
        path = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        yield path
        if path.suffix == ".py" or "python" in (first := first_line(path)):
            waiting += [*_imports_of(path, search), *named_files(path)]
        elif first or path.suffix == ".sh":
            waiting += _words_of(path)


def first_line(path: Path) -> str:
    """That of a script, which says what runs it; "" of other files."""
    try:
        with path.open("rb") as file:
            line = file.readline(_LONGEST)
    except OSError:
        return ""
    return line.decode(errors="replace") if line.startswith(b"#!") else ""


def _words_of(script: Path) -> Iterator[Path]:
    """The files beside a script, or in the folder that it is run in, that it names."""
    with suppress(OSError):
        text = re.sub(r"\$\{?\w+\}?", "", script.read_text(errors="replace"))
        written = re.findall(r">\s*([\w./-]+)", text)
        words = dict.fromkeys(re.findall(r"[\w./-]+", text))
        for word in [word for word in words if word.endswith(TELLING) and word not in written]:
            beside = (folder / word.lstrip("/") for folder in (script.parent, Path.cwd()))
            yield from (file for file in (Path(word), *beside) if file.is_file())


def _imports_of(path: Path, search: Sequence[Path]) -> Iterator[Path]:
    """What the code in a file imports."""
    for node in _nodes_of(path):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    yield from _imported(alias.name, path, search)
            case ast.ImportFrom(module=module, names=names, level=level):
                begun = "." * level + (f"{module}." if module else "")
                for alias in names:
                    yield from _imported(f"{begun}{alias.name}", path, search)
            case ast.Call(
                func=ast.Name(id=called) | ast.Attribute(attr=called),
                args=[ast.Constant(value=str(name)), *_],
            ) if called in _IMPORTING:
                yield from _imported(name, path, search)


def named_files(path: Path) -> Iterator[Path]:
    """The files beside a file of code that its texts name."""
    told = [node.value for node in _nodes_of(path) if isinstance(node, ast.Constant)]
    texts = dict.fromkeys(text for text in told if isinstance(text, str) and "\0" not in text)
    texts = {text: None for text in texts if 0 < len(text) <= _LONGEST}
    folders = [path.parent, *(path.parent / text for text in texts)]
    for folder in [folder for folder in folders if folder.is_dir()]:
        named = (folder / text for text in texts if text.endswith(TELLING))
        yield from (file for file in named if file.is_file())


def _nodes_of(path: Path) -> list[ast.AST]:
    """All that the code in a file consists of; nothing if it is none: whoever runs it says so."""
    try:
        return _nodes(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return []


@lru_cache(maxsize=64)  # asked for at the plan, at the beginning of a run and for each spec in it
def _nodes(code: bytes) -> list[ast.AST]:
    return list(ast.walk(ast.parse(code)))


def written_by(path: Path) -> set[str]:
    """The names of files that the code in a file writes, such as what it keeps for later calls.

    They are in what is opened to be written or is told to write, or in what that was assigned.
    """
    nodes = _nodes_of(path)
    assigned: dict[str, list[ast.AST]] = {}
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name) | ast.Attribute(attr=name)], value=value):
                assigned.setdefault(name, []).append(value)
    waiting = [place for node in nodes if isinstance(node, ast.Call) for place in _written(node)]
    texts = set[str]()
    while waiting:
        match waiting.pop():
            case ast.Call() as call if _called(call).startswith(("open", "load", "read")):
                pass  # what is read on the way
            case ast.Constant(value=str(text)):
                texts.add(os.path.basename(text))
            case node:
                name = getattr(node, "attr", getattr(node, "id", ""))
                waiting += [*ast.iter_child_nodes(node), *assigned.pop(name, [])]
    return texts


def _called(call: ast.Call) -> str:
    name: str = getattr(call.func, "attr", getattr(call.func, "id", ""))
    return name


def _written(call: ast.Call) -> list[ast.AST]:
    """Where a call says which file it writes; nowhere if it writes none."""
    name, given = _called(call), [*call.args, *(each.value for each in call.keywords)]
    modes = [each.value for each in given if isinstance(each, ast.Constant)]
    if name == "open" and not any(isinstance(m, str) and _MODE.fullmatch(m) for m in modes):
        return []
    if name in ("open", "write_text", "write_bytes"):
        return [call.func, *(call.args[:1] if name == "open" else [])]
    return [*given] if name.startswith(("save", "to_")) else []


def _imported(name: str, path: Path, search: Sequence[Path]) -> Iterator[Path]:
    """The files of a module that the code in ``path`` imports, dots before it as it says it."""
    level = len(name) - len(name.lstrip("."))
    if level > len(path.parents):
        return
    roots = [path.parents[level - 1]] if level else search
    yield from module_files(name[level:].removesuffix(".*"), roots)


def module_files(name: str, roots: Sequence[Path]) -> Iterator[Path]:
    """The files of a module and of the packages that it is in, unless it is installed, or ours."""
    folders, parts = roots, name.split(".")
    for part in () if is_ours(name) else parts:
        for folder in folders:
            file = _module_file(folder, part)
            if file is not None:
                yield file
            if file is not None or (folder / part).is_dir():
                folders = [folder / part]
                break
        else:
            return


def _module_file(folder: Path, part: str) -> Path | None:
    """The file of a module or package in a folder, as Python would choose it."""
    endings = (f"{os.sep}__init__.py", *EXTENSION_SUFFIXES, ".py")
    files = (f"{folder}{os.sep}{part}{ending}" for ending in endings)
    return next((Path(file) for file in files if os.path.isfile(file)), None)


def search_path() -> list[Path]:
    """Where Python looks for modules, but for what is installed."""
    places = (os.path.abspath(place) for place in sys.path)
    return [
        Path(place)
        for place in places
        if not is_installed_file(place + os.sep) and os.path.isdir(place)
    ]
