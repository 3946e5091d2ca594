"""One version of code in a run: what its plug-ins consisted of at first is what they are.

A run keeps the digests of their files (:mod:`evo_nas.core.plugins.digests`). One that goes on with
others would rank candidates of two versions together, so that is refused, unless it is accepted: it
is noted then, and what is now counts from there on. While a run goes on the same is true of files
that are read when they are needed, as that of a program is for each candidate.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from evo_nas.core.contents import digest_of
from evo_nas.core.plugins import modules, registry
from evo_nas.core.plugins.digests import Part, code_of
from evo_nas.core.plugins.sources import first_line
from evo_nas.core.progress import Progress
from evo_nas.errors import RunError, counted, shell_word
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
) -> Code:
    """The code of the run of ``store``, which is what the run began with.

    Changes are noted where they are accepted: all with ``accept``, else of the roles ``mended``. A
    run of version 0.1.0 kept nothing: that is noted once, if it has scored something.

    Raises:
        RunError: something has changed.
        SpecError: a file is not what Python has imported of it.
    """
    code, kept, folder = code_of_run(config), store.fact(FACT), store.path.parent
    done, lines = len(store.evaluations()), []
    if kept is None:
        names = dict.fromkeys(name for parts in code.values() for name in parts)
        if names and done:
            lines = [f"nothing is known of the code that the run began with: {', '.join(names)}"]
    elif changed := changes(kept, code):
        refused = [] if accept else [c for c in changed if not set(c.roles) <= {*mended}]
        refuse(refused, str(folder), accepting(folder))
        lines = [
            f"went on with other code after {counted(done, 'evaluation')}: {each}"
            for each in changed
        ]
    if lines or kept is None:
        for line in lines:
            progress.say(line)
        store.add_notes("run", lines)
        store.set_fact(FACT, digests(code))
    return code


class Watch:
    """Called after each candidate, finds what of a run's ``code`` has changed since it began.

    Of programs, and of modules that have not been imported, another version would have scored the
    candidate: the run ends, and the score is not kept. Of a table nobody knows who wrote it, and
    whether it is read again: that it changed is noted.
    """

    def __init__(self, code: Code, store: Store, progress: Progress) -> None:
        self._store, self._progress = store, progress
        self._files = {
            part.place: (f"{name} of the {role}", part.digest)
            for role, parts in code.items()
            for name, part in parts.items()
            if Path(part.place).is_file() and not part.written
        }

    def __call__(self) -> None:
        """Note what has changed, once.

        Raises:
            RunError: it is code.
        """
        changed = [p for p, (_, digest) in self._files.items() if digest_of(p) != digest]
        for place in changed:
            name, digest = self._files[place]
            is_code = place.endswith((".py", ".sh", ".so")) or first_line(Path(place))
            if is_code and modules.files().get(place) != digest:  # else it is loaded as it was
                raise RunError(
                    f"{place}, code of the run, was changed while it goes on: candidates would be "
                    f"scored by two versions; bring it back and resume, or "
                    f"{accepting(self._store.path.parent)}"
                )
            del self._files[place]
            if not is_code:
                done = counted(len(self._store.evaluations()), "evaluation")
                line = f"{name} was changed after {done}: later ones may be others"
                self._store.add_notes("run", [line])
                self._progress.say(line)


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
