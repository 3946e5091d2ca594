"""The target that a user chooses: it becomes part of the spec of the space.

So whoever has the spec counts there, in a run and long after it: a file of a network, a worker, a
comparison.

Why: docs/decisions/060-targets.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from evo_nas.core.plugins import places, registry
from evo_nas.core.validation import shown
from evo_nas.data.source import SearchData
from evo_nas.errors import SettingsError, SpaceError
from evo_nas.search.options import RunOptions
from evo_nas.search.settings import Sources, choose_data
from evo_nas.space.costs.target import (
    OPTION,
    changed,
    names,
    of_images,
    parts,
    with_target,
    without_target,
)
from evo_nas.space.space import Geometry, Space

IMAGES = "images"  # those of the run, instead of a size of theirs


def _no_images() -> SearchData:
    raise SettingsError(f"target is {IMAGES!r}, and there are none here; give sizes")


def spec_at(spec: str, text: str | None, images: Callable[[], SearchData] = _no_images) -> str:
    """The spec of a space at a target, ``text`` as users write it; as it is if they write none.

    ``images`` are read where the target is to be theirs.

    Raises:
        EvoNasError: it is malformed, or the space is counted at no such target.
    """
    if text is None:
        return spec
    alone = without_target(spec)
    space: Space = registry.load("space", alone)
    base, *changes = parts(text)
    target = space.target
    if base == IMAGES:
        target = at_images(space, images())
    elif "=" in base:
        changes = [base, *changes]
    else:
        raise SpaceError(
            f"target {shown(text)}: begin with {IMAGES} or a size, as image_size=32; names: "
            f"{', '.join(names(space))}"
        )
    target = changed(target, changes, names(space), f"target {shown(text)}")
    return with_target(alone, space.target, target)


def at_target(options: RunOptions, sources: Sources) -> RunOptions:
    """The options of a run with the target that was given as part of the space's spec."""

    def images() -> SearchData:
        if options.data == "none":
            raise SettingsError(f"target is {IMAGES!r}, and data is 'none': name some images")
        data = choose_data(options.data, [OPTION], options.supernet)
        return sources.images(places.absolute("data", data))

    return replace(options, space=spec_at(options.space, options.target, images))


def at_images(space: Space, data: SearchData) -> Geometry:
    """The target of a space for these images."""
    channels, size = data.train.shape
    return of_images(space, size, channels, len(data.classes))
