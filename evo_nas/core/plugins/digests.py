"""The code of a plug-in: which files say what it computes, and what they hold.

These are the plug-in's own file; what it imports, with what that imports, as far as it is not
installed; files that lie beside these and that they name; and what the spec's options name: files,
programs, functions and other plug-ins. What is installed is known by its version, evo-nas too. A
digest is of all bytes of a file: that a change of a comment changes nothing is not to be known.

Why: docs/decisions/038-digests-of-code.md.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import (
    PackageNotFoundError,
    distribution,
    packages_distributions,
    version,
)
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl

from evo_nas.core.contents import digest_of
from evo_nas.core.paths import absolute, expanded
from evo_nas.errors import EvoNasError, SpecError

from . import folders, imports, modules, registry
from .folders import places_of
from .options import Code, FilePath, Program, Spec, parameters
from .origins import OURS, is_installed_file, is_ours
from .places import DEEPEST, places, program_words
from .sources import TELLING, belonging, first_line, module_files, search_path, written_by

UNKNOWN = "not known"
_TARGET = re.compile(r"[^:;,|?]+\.py:[^\W\d][\w.]*")


class Part(NamedTuple):
    """A file, or what is installed under a name, with the digest of the one, or the version.

    What the code ``writes`` itself, as a cache of its own, may change while it is the same.
    """

    place: str
    digest: str
    written: bool = False


def code_of(kind: str, spec: str) -> dict[str, Part]:
    """The parts of the code of the plug-in that ``spec`` names, which has been loaded.

    They are called by their paths from the folder of the plug-in that they belong to, so that they
    are the same wherever that lies. The digests are of what runs here.

    Raises:
        SpecError: a file was edited after Python had imported it, so that what it holds is not what
            runs; a run that goes on knows what that is.
    """
    found: dict[str, Part] = {}
    named = dict.fromkeys(_places(kind, spec, 0))
    loaded = modules.files() if named else {}
    sources = [place for _, place in named if place.endswith(".py")]
    written = set[str]().union(*(written_by(Path(place)) for place in sources))
    for folder, place in named:
        if folder is None:  # what is installed, or has no file
            name, _, digest = place.partition(" ")
            found[name] = Part(name, digest)
            continue
        own = place not in sources and Path(place).name in written
        name = _name(Path(place), folder, found)
        found[name] = Part(place, loaded.get(place) or digest_of(place), own)
    if not modules.is_steady():
        _refuse_edited({part.place for part in found.values()})
    return found


def told_parts(kind: str, spec: str) -> list[str]:
    """Name and digest of each part of the plug-in's code, but of what it writes itself."""
    parts = code_of(kind, spec).items()
    return [f"{name} {part.digest}" for name, part in parts if not part.written]


def _refuse_edited(places: Container[str]) -> None:
    """Raise a SpecError if one of these files is a module that Python would have to import anew."""
    beside = folders.digests()  # which are read anew
    for place, held in imports.held().items():
        if place in places and place not in beside and held != digest_of(place):
            raise SpecError(
                f"{place} was edited after Python had imported it, and what it was then is what "
                "would run; restart Python, which alone imports it anew everywhere"
            )


def own_sources(folders: Sequence[Path] | None = None) -> str:
    """A digest of the code of evo-nas where it is developed; "" where its version tells all."""
    if folders is None:
        specs = [find_spec(name) for name in (OURS, f"{OURS}.spaces", f"{OURS}.evaluators")]
        folders = [Path(spec.origin).parent for spec in specs if spec and spec.origin]
    if any(is_installed_file(f"{folder}{os.sep}") for folder in folders):
        return ""
    files = [file for folder in folders for file in sorted(folder.rglob("*.py"))]
    return sha256("".join(map(digest_of, files)).encode()).hexdigest()[:8]


def _name(path: Path, folder: Path, taken: Container[str]) -> str:
    """The path from the folder, or as much of the whole path as nothing else is called by."""
    parts = path.parts
    least = len(path.relative_to(folder).parts) if path.is_relative_to(folder) else 1
    names = ["/".join(parts[-count:]) for count in range(least, len(parts) + 1)]
    return next((name for name in names if name not in taken), str(path))


# -- what belongs to a spec ------------------------------------------------------------------------

_Place = tuple[Path | None, str]  # a file under a folder; or None, and a name with a version


def _places(kind: str, spec: str, depth: int) -> Iterator[_Place]:
    target, _, query = spec.partition("?")
    if depth > DEEPEST:
        return
    declared = places(target, [kind])  # which imports it
    yield from _of_target(kind, target)
    texts = {name: text for name, text in _defaults(kind, target).items() if name in declared}
    for key, text in {**texts, **dict(parse_qsl(query, keep_blank_values=True))}.items():
        match declared.get(key):
            case FilePath() if kind != "data":  # images have a fingerprint of their own
                yield from _of_file(text)
            case Code():
                with suppress(EvoNasError):
                    registry.find("evaluator", text)  # as it would run now
                yield from _of_target("evaluator", text)
            case Program():
                yield from _of_program(text)
            case Spec(inner, several=several):
                for each in text.split(";") if several else [text]:
                    yield from _places(inner, each, depth + 1)
            case None if _TARGET.fullmatch(text):
                yield from _of_target("evaluator", text)
            case None if kind != "data" and text.endswith(TELLING):
                yield from _of_file(text)


def _defaults(kind: str, target: str) -> dict[str, str]:
    """The texts that options are where a spec does not say."""
    with suppress(EvoNasError):
        known = parameters(registry.factory(kind, target)[0]).values()
        return {each.name: each.default for each in known if isinstance(each.default, str)}
    return {}


def _of_target(kind: str, target: str) -> Iterator[_Place]:
    """What is at ``path/file.py:Attr`` or ``package.module:Attr``, or what a name stands for."""
    if registry.is_path(kind, target):
        yield from _of_file(target)
        return
    with suppress(EvoNasError):
        place, _, _ = registry.home(kind, target).rpartition(":")
        if place.endswith(".py"):
            file = absolute(place)
            yield from _code([file], [Path(folder) for folder in places_of(str(file))])
        elif not is_ours(place):
            yield from _of_module(place)


def _of_module(name: str) -> Iterator[_Place]:
    file, top = getattr(sys.modules.get(name), "__file__", None), name.partition(".")[0]
    if file is None:
        yield None, f"{name} {UNKNOWN}"
    elif is_installed_file(file) and (owner := _owner(top)):
        yield None, f"{owner} {version(owner)}"
    else:
        path = absolute(file)
        root = path.parents[name.count(".") + (path.stem == "__init__")]
        yield from _code([*module_files(name, [root])] or [path], [root])


def _owner(package: str) -> str | None:
    """What a package was installed as, most often under its own name."""
    try:
        return distribution(package).name
    except PackageNotFoundError:
        return next(iter(packages_distributions().get(package, [])), None)


def _code(paths: Iterable[Path], roots: Sequence[Path]) -> Iterator[_Place]:
    for path in belonging(paths, roots):
        yield absolute(roots[0]), str(path)


def _of_file(path: str) -> Iterator[_Place]:
    file = expanded(path)
    if file.is_file():
        yield absolute(file.parent), str(absolute(file))


def _of_program(command: str) -> Iterator[_Place]:
    """The files that a command line names; of its first word, found on the PATH, only a script."""
    try:
        words = program_words(command)
    except ValueError:
        return
    for number, word in enumerate(words):
        if any(character.isspace() for character in word):  # sh -c '...'
            yield from _of_program(word)
        elif number == 0 and "/" not in word:
            found = shutil.which(word)
            if found is not None and first_line(Path(found)):
                yield from _code([Path(found)], [Path(found).parent])
        elif number and words[number - 1] == "-m":
            roots = [Path.cwd(), *search_path()]
            yield from _code(module_files(f"{word}.__main__", roots), roots)
        elif os.path.isfile(named := word.partition("=")[2] if word.startswith("-") else word):
            yield from _code([Path(named)], [Path(named).parent])
