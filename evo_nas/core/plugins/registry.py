"""Finding plug-ins: by name through entry points, or by path.

One grammar everywhere: ``name``, ``package.module:Attr`` or ``path/file.py:Attr``, each with
options as ``?key=value&key=value``, in which %, & and + are written as in a web address. Only the
chosen plug-in is imported, so a broken neighbour breaks nothing. A spec of data may also be a
folder, one of a space a TOML file.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from importlib.metadata import EntryPoints, entry_points
from typing import Any
from urllib.parse import parse_qsl, quote

from evo_nas.core.paths import expanded
from evo_nas.errors import EvoNasError, SpecError, nearest

from . import options
from .blame import describe, place
from .modules import file_module

# From each kind to the group of its entry points, and to what its plug-ins derive from, which is
# looked up once one has been imported.
_KINDS = {
    "space": ("evo_nas.spaces", "evo_nas.space:Space"),
    "evaluator": ("evo_nas.evaluators", "evo_nas.evaluation:Evaluator"),
    "strategy": ("evo_nas.strategies", "evo_nas.strategies:Strategy"),
    "data": ("evo_nas.data", "evo_nas.data:DataSource"),
    "callback": ("evo_nas.callbacks", "evo_nas.callbacks:Callback"),
    "network": ("evo_nas.networks", "evo_nas.space:Architecture"),
}
KINDS = tuple(_KINDS)
LISTINGS = (".csv", ".tsv")  # endings of tables of paths and labels
# Options that all plug-ins of a kind have, and what takes them to one that has been made.
_SHARED = {"space": {"target": "evo_nas.space.costs.target:at"}}
_FOLDER = "evo_nas.data.folders.image_folder:ImageFolder"
HUB = "hf:"  # what the name of a dataset in Hugging Face's cache begins with
_TOML = "toml_space"  # what reads a space from a TOML file


def names(kind: str) -> list[str]:
    """The names under which plug-ins of a kind are installed."""
    return sorted({point.name for point in _points(kind)})


@cache
def _points(kind: str) -> EntryPoints:
    """What is installed: looking takes 10 ms, too long for each of many runs."""
    return entry_points(group=_KINDS[kind][0])


def load(kind: str, spec: str) -> Any:
    """The plug-in that ``spec`` names, called with the spec's options.

    The instance gets an attribute ``spec``, with which it can be loaded again elsewhere.

    Raises:
        SpecError: nothing has this name, it cannot be imported, an option is wrong, or it is no
            plug-in of this kind.
    """
    target, _, query = spec.partition("?")
    made_by, given = factory(kind, target)
    shared, texts = _shared(kind, made_by), _texts(spec, query)
    own = {name: text for name, text in texts.items() if name not in shared}
    instance = _made(kind, spec, made_by, given | _options(kind, spec, own, made_by, given))
    for name in shared.keys() & texts.keys():
        instance = _attribute(shared[name])(instance, texts[name])
    if hasattr(instance, "__dict__"):
        instance.spec = spec
    return instance


def _made(kind: str, spec: str, factory: Callable[..., Any], given: Mapping[str, object]) -> Any:
    """What the factory makes, which may fail in any way, if it is of this kind."""
    if missing := sorted(getattr(factory, "__abstractmethods__", ())):
        raise SpecError(f"{kind} {spec!r} is unfinished: it lacks {', '.join(missing)}")
    try:
        instance = factory(**given)
    except EvoNasError:
        raise
    except (TypeError, ValueError) as error:
        told = f"{error}{place(error)}"
        raise SpecError(f"{kind} {spec!r} does not accept its options: {told}") from error
    except Exception as error:
        raise SpecError(f"{kind} {spec!r} cannot be made: {describe(error)}") from error
    _, base = _KINDS[kind]
    if not isinstance(instance, _attribute(base)):  # type: ignore[arg-type]
        raise SpecError(
            f"{kind} {spec!r} cannot be used: it is a {type(instance).__name__}; derive its class "
            f"from {base.replace(':', '.')}"
        )
    return instance


def short(spec: str) -> str:
    """The spec for people to read: of a path, what it ends with."""
    return re.sub(r"[^?&=;]*/", "", spec)


def file_name(spec: str) -> str:
    """A name for files that tells the spec; a digest tells apart what it leaves out."""
    name = "".join(c if c.isalnum() or c in "._" else "-" for c in short(spec))
    return name if name == spec else f"{name[:60]}-{sha256(spec.encode()).hexdigest()[:6]}"


def has_option(kind: str, spec: str, key: str) -> bool:
    """Whether the plug-in that ``spec`` names takes an option of this name."""
    factory = find(kind, spec.partition("?")[0])
    return key in options.parameters(factory)


def _shared(kind: str, factory: Callable[..., Any]) -> dict[str, str]:
    """The options that are not the plug-in's own, but of all of its kind."""
    own = options.parameters(factory)
    return {name: take for name, take in _SHARED.get(kind, {}).items() if name not in own}


def with_option(spec: str, key: str, value: str) -> str:
    """The spec with one more option."""
    for character in "%&+":  # what has a meaning in options
        value = value.replace(character, quote(character))
    return f"{spec}{'&' if '?' in spec else '?'}{key}={value}"


def without_option(spec: str, key: str) -> str:
    """The spec without an option, if it has it."""
    target, _, query = spec.partition("?")
    left = [option for option in query.split("&") if option.partition("=")[0] != key]
    return "?".join(filter(None, (target, "&".join(left))))


def is_path(kind: str, target: str) -> bool:
    """Whether a spec is the TOML file of a space, or data: a folder, if no name is the same, a
    parquet file, a CSV, or a dataset's name in Hugging Face's cache.
    """
    if kind == "space":
        return target.endswith(".toml")
    if kind != "data" or not target or target in names(kind):
        return False
    return (
        os.path.isdir(expanded(target))
        or target.startswith(HUB)
        or target.endswith((".parquet", *LISTINGS))
    )


def factory(kind: str, target: str) -> tuple[Callable[..., Any], dict[str, object]]:
    """What makes the plug-in ``target``, a spec without options, and the options that it gives.

    A folder of data gives its ``path``, a TOML file of a space its ``file``; others give none.

    Raises:
        SpecError: nothing has this name, or it cannot be imported.
    """
    if not is_path(kind, target):
        return find(kind, target), {}
    if kind == "data":
        return _attribute(_FOLDER), {"path": target}
    return find(kind, _TOML), {"file": str(expanded(target))}


def find(kind: str, target: str) -> Callable[..., Any]:
    """The factory that ``target`` (a spec without options) names."""
    return _attribute(home(kind, target))


def home(kind: str, target: str) -> str:
    """Where the code of ``target`` is, as ``place:Attr``: it itself, or what its name stands for.

    Raises:
        SpecError: nothing has this name, or several installed plug-ins do.
    """
    if ":" in target:
        return target
    if target.endswith(".py"):
        raise SpecError(f"{kind} {target!r}: say what in the file is meant, as {target}:NAME")
    points = [point for point in _points(kind) if point.name == target]
    values = sorted({point.value for point in points})
    if len(values) > 1:
        owners = " and ".join(sorted(p.dist.name if p.dist else p.value for p in points))
        raise SpecError(f"{kind} {target!r} is offered by {owners}; uninstall one of them")
    if not points:
        hint = nearest(target, names(kind))
        if os.sep in target:
            hint = "there is no such path, and a ? in one would begin its options"
        known = {"data": "a folder, ", "space": "a TOML file, "}.get(kind, "")
        raise SpecError(
            f"unknown {kind} {target!r}; {hint}; or give {known}package.module:Attr or "
            "path/file.py:Attr"
        )
    return values[0]


def _attribute(target: str) -> Callable[..., Any]:
    source, _, name = target.rpartition(":")
    try:
        in_file = source.endswith(".py")
        module = file_module(expanded(source)) if in_file else importlib.import_module(source)
    except EvoNasError:
        raise
    except Exception as error:  # a plug-in may fail in any way while it is imported
        raise SpecError(f"{source!r} cannot be imported: {describe(error)}") from error
    factory = getattr(module, name, None)
    if not callable(factory):
        public = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        raise SpecError(f"{source!r} has no {name!r}; {nearest(name, public)}")
    return factory  # type: ignore[no-any-return]


def _texts(spec: str, query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, strict_parsing=True, keep_blank_values=True) if query else []
    except ValueError as error:
        raise SpecError(f"options of {spec!r} are malformed; write ?key=value&key=value") from error
    texts: dict[str, str] = {}
    for key, text in pairs:
        if key in texts:
            raise SpecError(f"options of {spec!r}: {key!r} is there twice; leave one of them")
        texts[key] = text
    return texts


def _options(
    kind: str,
    spec: str,
    texts: Mapping[str, str],
    factory: Callable[..., Any],
    given: Mapping[str, object],
) -> dict[str, object]:
    """What the texts of options stand for, as the plug-in declares them."""
    known = options.parameters(factory)
    for name, parameter in known.items():
        named = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        if named and parameter.default is parameter.empty and name not in {*given, *texts}:
            raise SpecError(f"{kind} {spec!r} needs an option: {spec.partition('?')[0]}?{name}=...")
    declared, values = options.hints(factory), dict[str, object]()
    takes_any = any(each.kind is each.VAR_KEYWORD for each in known.values())
    for name, text in texts.items():
        if name not in known and not takes_any:
            raise SpecError(f"{kind} {spec!r} has no option {name!r}; {nearest(name, known)}")
        try:
            values[name] = options.read(text, declared.get(name, Any))
        except options.OptionError as error:
            raise SpecError(f"{kind} {spec!r}: {name}={error}") from error
    return values
