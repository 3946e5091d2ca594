"""A run goes on as it began: configuration, space, images and environment are what they were."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from evo_nas.core.progress import Progress
from evo_nas.data.source import SearchData
from evo_nas.errors import RunError
from evo_nas.search import run_folder
from evo_nas.search.config import CHANGEABLE, Config
from evo_nas.search.store.store import Store
from evo_nas.space.space import Space


def check_beginning(
    folder: Path, store: Store, config: Config, space: Space, data: SearchData
) -> None:
    """Raise a RunError where configuration, space or images are others than at the beginning."""
    if not config.began_with(store.fact):
        raise RunError(
            f"{folder / run_folder.CONFIG} is not what it was when the run began; bring it "
            f"back, or start a new run (only {', '.join(CHANGEABLE)} may change)"
        )
    if store.fact("space") not in (None, space.fingerprint):
        raise RunError(
            f"the space {config.space!r} is not what it was when {folder} began (its choices, "
            "target or costs differ); bring its file back as it was, or start a new run"
        )
    if store.fact("data") != data.fingerprint:
        raise RunError(
            f"the images of {config.data!r} are not those that {folder} began with; "
            "bring the old ones back, or start a new run"
        )


def given_again(folder: Path, spec: str) -> None:
    """Raise a RunError unless ``spec`` is that of the images that the run began with."""
    config = Config.read(folder / run_folder.CONFIG)
    if spec != config.data:
        raise RunError(
            f"data is {spec}, but {folder} began with {config.data}; give the same images, labels "
            "and options again, in the same order, or start a new run"
        )


def again(folder: Path, config: Config) -> str:
    """The call that goes on with a run, in another process too."""
    data = ", data=..." if config.data.partition("?")[0] == "given" else ""
    return f"evo_nas.resume({str(folder)!r}{data})"


def note_environment(store: Store, now: Mapping[str, str], progress: Progress) -> None:
    """Note versions and hardware that are not those with which the run began."""
    changes = [
        f"{name} {now[name]} instead of {was}"
        for name, was in (store.fact("versions") or {}).items()
        if name in now and now[name] != was
    ]
    if changes:
        line = f"went on with {', '.join(changes)}"
        progress.say(f"{line}: results may differ from those of a run that did not")
        store.add_notes("run", [line])
