"""One version of code in a run: what its plug-ins consisted of at first is what they are.

A run keeps the digests of their files (:mod:`evo_nas.core.plugins.digests`). One that goes on with
others would rank candidates of two versions together, so that is refused, unless it is accepted: it
is noted then, and what is now counts from there on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from evo_nas.core.plugins import registry
from evo_nas.core.plugins.digests import Part, code_of
from evo_nas.core.progress import Progress
from evo_nas.errors import RunError, shell_word
from evo_nas.search import run_folder
from evo_nas.search.config import Config
from evo_nas.search.store.store import Store

FACT = "code"
Code = dict[str, dict[str, Part]]  # the parts of code, by their names, by what they do in a run
Kept = Mapping[str, Mapping[str, str]]  # the digests of these


class Change(NamedTuple):
    """A part that is not as it was: its name, what it is the code of, and what it was."""

    name: str
    part: Part
    was: str
    roles: list[str]

    def __str__(self) -> str:
        versions = f"{_short(self.part.digest)} instead of {_short(self.was)}"
        own = ", which it writes itself" * self.part.written
        return f"{self.name} of the {' and '.join(self.roles)}{own} ({versions})"


def code_of_run(config: Config) -> Code:
    """The code of all plug-ins of a run, which have been loaded."""
    specs = {
        "space": ("space", config.space),
        "strategy": ("strategy", config.strategy),
        "evaluator": ("evaluator", config.evaluator),
        "retrainer": ("evaluator", config.retrainer),
        "data": ("data", config.data),
    }
    for limit in config.every_limit[1:]:
        specs[f"limit {registry.short(limit.spec)}"] = ("evaluator", limit.spec)
    return {role: code_of(*spec) for role, spec in specs.items()}


def digests(code: Code) -> dict[str, dict[str, str]]:
    """What is kept of code."""
    return {role: {name: p.digest for name, p in parts.items()} for role, parts in code.items()}


def changes(kept: Kept, code: Code) -> list[Change]:
    """The parts that are not as they were ``kept``, each once."""
    found: dict[tuple[Part, str], Change] = {}
    for role, parts in code.items():
        before = kept.get(role, {})
        gone = {name: Part(name, "none") for name in before if name not in parts}
        for name, part in {**parts, **gone}.items():
            if part.digest != (was := before.get(name, "none")):
                found.setdefault((part, was), Change(name, part, was, [])).roles.append(role)
    return list(found.values())


def refuse(changed: list[Change], began: str, remedy: str) -> None:
    """Raise a RunError that names the first of the changes, if there are some.

    Of what code writes itself none is refused. ``began`` is what began with the code as it was,
    ``remedy`` what else than to bring that back can be done.
    """
    changed = [change for change in changed if not change.part.written]
    if changed:
        first = changed[0]
        more = f", nor {'are' if changed[2:] else 'is'} {len(changed) - 1} more" * bool(changed[1:])
        raise RunError(
            f"{first.part.place}, code of the {' and '.join(first.roles)}, is not what it was when "
            f"{began} began{more}: scores of two versions would stand in one ranking; bring it "
            f"back, or {remedy}"
        )


def keep_one_version(
    store: Store, config: Config, progress: Progress, *, accept: bool, mended: Collection[str] = ()
) -> None:
    """See that the run of ``store`` goes on with the code that it began with.

    Changes are noted where they are accepted: all with ``accept``, else of the roles ``mended``. A
    run of version 0.1.0 kept nothing: that is noted once.

    Raises:
        RunError: something has changed.
    """
    code, kept, folder = code_of_run(config), store.fact(FACT), store.path.parent
    lines = []
    if kept is None:
        if names := dict.fromkeys(name for parts in code.values() for name in parts):
            lines = [f"nothing is known of the code that the run began with: {', '.join(names)}"]
    elif changed := changes(kept, code):
        refused = [] if accept else [c for c in changed if not set(c.roles) <= {*mended}]
        refuse(refused, str(folder), accepting(folder))
        done = len(store.evaluations())
        lines = [f"went on with other code after {done:,} evaluations: {each}" for each in changed]
    if lines or kept is None:
        for line in lines:
            progress.say(line)
        store.add_notes("run", lines)
        store.set_fact(FACT, digests(code))


def accepting(folder: Path) -> str:
    """How changes of a run, or of a comparison, are accepted."""
    return f"accept that: evo-nas resume {shell_word(folder)} --accept-changes"


def accept_code(folder: Path, progress: Progress) -> None:
    """Note in a run that its code is what it is now, whatever it was."""
    store = Store(folder / run_folder.STORE)
    try:
        keep_one_version(store, Config.read(folder / run_folder.CONFIG), progress, accept=True)
    finally:
        store.close()


def refuse_changed_run(folder: Path, remedy: str) -> None:
    """Raise a RunError if the code of a run is not what it was."""
    store = Store(folder / run_folder.STORE, read_only=True)
    try:
        kept = store.fact(FACT)
    finally:
        store.close()
    if kept is not None:
        code = code_of_run(Config.read(folder / run_folder.CONFIG))
        refuse(changes(kept, code), str(folder), remedy)


def _short(digest: str) -> str:
    """Of a digest as much as tells it apart; a version is short."""
    return digest[:8] if len(digest) == 64 else digest
