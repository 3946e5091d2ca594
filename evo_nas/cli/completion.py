"""What a shell completes on the command line; nothing that takes long is imported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import typer

from evo_nas.core.plugins import registry
from evo_nas.search.options import RUNS, Option
from evo_nas.training.recipes import shipped_recipes

Completion = Callable[..., Sequence[str]]  # of `incomplete`, the word that is being written

LISTS: Mapping[str, str] = {
    "spaces": "space",
    "evaluators": "evaluator",
    "strategies": "strategy",
    "data": "data",
    "callbacks": "callback",
    "networks": "network",
}  # what can be listed of plug-ins, and of which kind they are


def _among(names: Callable[[], Iterable[str]]) -> Completion:
    def complete(incomplete: str) -> list[str]:
        return [name for name in names() if name.startswith(incomplete)]

    return complete


def _folders(*files: str) -> list[str]:
    """Those that hold one of the files."""
    return sorted(str(path.parent) for file in files for path in RUNS.glob(f"*/{file}"))


def plug_ins(kind: str) -> Completion:
    """The names of what is installed of a kind."""
    return _among(lambda: registry.names(kind))


def several(one: Completion) -> Completion:
    """Names with commas between them."""

    def complete(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        return [f"{before}{comma}{name}" for name in one(last)]

    return complete


def of_kind(context: typer.Context, incomplete: str) -> Sequence[str]:
    """The plug-ins of the kind that the word before names, or their list."""
    named = context.params.get("kind") or LISTS.get(context.params.get("what", ""))
    return plug_ins(named)(incomplete) if named in registry.KINDS else []


kinds = _among(lambda: ("space", "evaluator", "strategy", "callback"))
lists = _among(lambda: (*LISTS, "runs"))
runs = _among(lambda: _folders("config.toml"))
folders = _among(lambda: _folders("config.toml", "comparison.toml"))
networks = plug_ins("network")
found = _among(lambda: [*_folders("config.toml"), *registry.names("network")])
_OTHERS: Mapping[str, Completion] = {
    "supernet": runs,
    "recipe": _among(shipped_recipes),
    "geometry": _among(lambda: ("proxy", "target")),
    "device": _among(lambda: ("auto", "cpu", "cuda")),
}


def of_option(option: Option) -> Completion | None:
    """That of an option of a run; for all others the shell completes files."""
    if kind := option.kind.plug_in:
        return plug_ins(kind)
    return _OTHERS.get(option.name)
