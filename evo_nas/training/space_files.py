"""The files of a space that a model folder carries, so that it loads where these are not.

They are that of the space itself, if it is a Python or TOML file, and what its options call
``file``. In the folder's spec their paths are relative to it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote_plus

from evo_nas.core.paths import absolute
from evo_nas.core.plugins import registry
from evo_nas.core.plugins.sources import belonging
from evo_nas.errors import EvoNasError, ExportError, SpecError
from evo_nas.space.space import Space

_SPACE, _OPTION = "space", "file"
_CODE = f"{_SPACE}.py"
_OWN = (_CODE, f"{_SPACE}.toml")


def carry(spec: str, space: Space, folder: Path) -> str:
    """Copy what the spec of ``space`` names to the folder; the spec there."""
    with TemporaryDirectory(prefix="evo-nas-") as place:  # code may leave something beside it
        try:
            there = _copy(spec, Path(place))
            same = there == spec or _alike(
                registry.load("space", located(there, Path(place))), space
            )
        except EvoNasError as error:
            told = str(error).replace(f"{absolute(place)}/", "")
            raise ExportError(
                f"a folder of this network would load nowhere else: {told}; keep all that the "
                f"space needs in its one file, and in one that its option {_OPTION!r} names"
            ) from error
    if not same:
        raise ExportError(
            f"the space {registry.short(spec)} is another one when its file is somewhere else, so "
            "a folder of this network would be useless"
        )
    return _copy(spec, folder)


def located(spec: str, folder: Path) -> str:
    """The spec of a folder with absolute paths, if it names no file outside of the folder."""

    def own(file: str) -> str:
        if file not in _OWN:
            raise SpecError(f"{folder} names a space outside of it, {spec.partition('?')[0]!r}")
        return str(absolute(folder / file))

    def found(name: str) -> str:
        if not name.startswith(f"{_SPACE}-") or "/" in name or not (folder / name).is_file():
            raise SpecError(f"{folder} names a file outside of it, {name!r}")
        return str(absolute(folder / name))

    return _changed(spec, own, found)


def code_in(spec: str, folder: Path) -> Path | None:
    """The Python file that is run when the folder's space is loaded, if it carries one."""
    return folder / _CODE if _file_of(spec.partition("?")[0]) == _CODE else None


def _copy(spec: str, folder: Path) -> str:
    def copied(path: str, name: str) -> str:
        if not Path(path).is_file():
            raise SpecError(f"{path} is no file")
        shutil.copyfile(path, folder / name)
        return name

    def alone(file: str) -> str:
        home = absolute(file).parent
        for other in belonging([Path(file)], [home]):  # also what is imported only later
            if other != absolute(file) and other.suffix == ".py" and home in other.parents:
                raise SpecError(f"it imports {other}, which is left behind")
        return copied(file, f"{_SPACE}{Path(file).suffix}")

    return _changed(
        spec,
        alone,
        lambda file: copied(file, f"{_SPACE}-{Path(file).name}"),
    )


def _alike(one: Space, other: Space) -> bool:
    """Whether two spaces are one, whatever they are called: TOML files give names."""
    if (one.choices, one.target) != (other.choices, other.target):
        return False
    last = other.canonical([len(choice.options) - 1 for choice in other.choices])
    return dict(one.costs(last)) == dict(other.costs(last))


def _file_of(target: str) -> str | None:
    """The file of a space that is one."""
    place = target.rpartition(":")[0]
    file = place if place.endswith(".py") else target
    return file if file.endswith((".py", ".toml")) else None


def _changed(spec: str, own: Callable[[str], str], option: Callable[[str], str]) -> str:
    """The spec with what is made of the space's ``own`` file, and of that in an ``option``."""
    target, question, query = spec.partition("?")
    if (file := _file_of(target)) is not None:
        target = own(file) + target.removeprefix(file)
    changed = []
    for part in query.split("&"):
        key, _, value = part.partition("=")
        if key == _OPTION and value:
            path = option(unquote_plus(value))
            changed.append(registry.with_option("", key, path).removeprefix("?"))
        elif "/" in value and Path(unquote_plus(value)).exists():
            raise SpecError(f"the option {key}={value} is a path, which is left behind")
        else:
            changed.append(part)
    return f"{target}{question}{'&'.join(changed)}"
