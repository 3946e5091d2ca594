"""Options of a run in a file: a run's config.toml, or the few that somebody has written.

Options go by their names. Those of the search may stand in a section ``settings``, as config.toml
has them; there ``geometry`` and ``recipe`` are sections, too. Paths are relative to the file, which
may come from anybody: code that it names is asked for as that of a stranger's run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from typing_extensions import TypedDict

from evo_nas.core import paths
from evo_nas.core.devices import available_cores
from evo_nas.core.plugins import places
from evo_nas.core.plugins.trusted_code import check_known
from evo_nas.core.typed import typed
from evo_nas.core.validation import read_toml
from evo_nas.errors import BudgetError, SettingsError
from evo_nas.sampling.limits import parse_limit
from evo_nas.search.limits import absolute as absolute_limit
from evo_nas.search.options import OPTIONS, plain
from evo_nas.space.space import Geometry
from evo_nas.strategies.settings import Settings

_RANGES = ("flops", "params", "latency")  # limits, each on the metric of its name


def _section(keys: Mapping[str, Any]) -> Any:
    """A table that has no other keys."""
    kind: Any = TypedDict
    return kind("Section", keys, total=False)


_NAMES = {
    **dict.fromkeys(OPTIONS, Any),
    "settings": _section({f.name: Any for f in fields(Settings)}),
}
_FILE = _section(_NAMES)
_RESOLVED = _section({**_NAMES, "geometry": _section({f.name: int for f in fields(Geometry)})})


def completed(given: Mapping[str, Any], file: str | Path) -> dict[str, Any]:
    """The options that were given, and those of the file that they leave open.

    A limit on the same metric as one that was given is left out. There are at most as many ``jobs``
    as cores here: they change no result.

    Raises:
        EvoNasError: the file cannot be read, a key or value in it is wrong, or it names code that
            is not known here.
    """
    path = paths.expanded(file)
    found = _read(path, given.keys())
    if "jobs" in found:
        found["jobs"] = min(found["jobs"], available_cores())
    more = list(map(absolute_limit, given.get("limits", ())))
    limited = {*map(_metric, more), *given} & {*map(_metric, more), *_RANGES}
    limits = [text for text in found.pop("limits", ()) if _metric(text) not in limited]
    left = {name: value for name, value in found.items() if name not in limited}
    return {**left, **given, "limits": [*limits, *more]}


def _metric(limit: str) -> str:
    return parse_limit(limit).metric


def absolute(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with paths made absolute: they may be used from another folder."""
    found = dict(options)
    for name in found.keys() & OPTIONS.keys():
        if kind := OPTIONS[name].kind.plug_in:
            found[name] = places.absolute(kind, found[name])
    if str(found.get("recipe", "")).endswith(".toml"):
        found["recipe"] = str(paths.absolute(found["recipe"]))
    if found.get("limits"):
        found["limits"] = [absolute_limit(text) for text in found["limits"]]
    return found


def named_specs(options: Mapping[str, Any]) -> Iterator[str]:
    """The plug-ins that options name, with those that measure for limits."""
    for name, value in options.items():
        if OPTIONS[name].kind.plug_in:
            yield value
    yield from (parse_limit(text).spec for text in options.get("limits", ()))


def _read(path: Path, given: Collection[str]) -> dict[str, Any]:
    """The options in a file but those that were given, as they are understood in any folder."""
    table = read_toml(path, SettingsError)
    table.pop("history", None)  # of one run
    resolved = isinstance(table.get("geometry"), dict)
    typed(_RESOLVED if resolved else _FILE, table, path, SettingsError)
    settings = table.pop("settings", {})
    if twice := table.keys() & settings.keys():
        raise SettingsError(f"{path}: {min(twice)} is there twice, once in settings; drop one")
    table |= settings
    if resolved:
        _say_geometry(table)
    if isinstance(table.get("recipe"), dict):
        table["recipe"] = str(paths.absolute(path))  # which is read as a recipe, too
    replaced = set(given) - {"limits"}
    try:
        with paths.relative_to(path.parent):
            left = {n: v for n, v in table.items() if n not in replaced and v != []}
            options = plain(left)
            check_known(named_specs(options), path)
            return absolute(options)
    except (BudgetError, SettingsError) as error:
        raise type(error)(f"{path}: {error}") from error


def _say_geometry(table: dict[str, Any]) -> None:
    """Write the section as the option, which holds no numbers that follow from the images."""
    section = table.pop("geometry")
    chosen = {name: size for name, size in section.items() if name not in ("channels", "classes")}
    if table.get("data") != "none":  # else no network is built, and it is the target
        base = "target" if len(section) == len(fields(Geometry)) else "proxy"
        table["geometry"] = ",".join([base, *(f"{name}={size}" for name, size in chosen.items())])
