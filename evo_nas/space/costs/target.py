"""The target of a space, which is where its costs are counted, with sizes that a user chooses."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import asdict, replace

import torch

from evo_nas.core.plugins import registry
from evo_nas.core.validation import shown
from evo_nas.errors import EvoNasError, SpaceError
from evo_nas.space.space import Geometry, Space

OPTION = "target"  # of every space's spec
_SIZE = re.compile("[1-9][0-9]{0,5}")


def at(space: Space, sizes: str) -> Space:
    """The space, of which nothing has been asked yet, with its target changed by ``sizes``.

    Raises:
        SpaceError: they are not written as "image_size=32,classes=4", are none of the space's, or
            make a target at which it builds no network.
    """
    own, told = space.target, f"target {shown(sizes)}"
    space.target = changed(own, parts(sizes), names(space), told)
    space.own_target = own
    try:
        with torch.device("meta"):
            space.build(space.canonical((0,) * len(space.choices)), space.target)
    except EvoNasError as error:
        raise SpaceError(f"{told}: {error}") from error
    except Exception:  # it may not build without memory: whoever counts its networks says so
        pass
    return space


def without_target(spec: str) -> str:
    """The spec of a space at its own target, where its genomes are the same."""
    return registry.without_option(spec, OPTION)


def with_target(spec: str, own: Geometry, target: Geometry) -> str:
    """The spec, which says no target, of a space at another one than its ``own``.

    Sizes are in order, and only those that differ, so that one target has one spec.
    """
    before, after = asdict(own), asdict(target).items()
    sizes = ",".join(f"{name}={size}" for name, size in after if size != before[name])
    return registry.with_option(spec, OPTION, sizes) if sizes else spec


def of_images(space: Space, image_size: int, channels: int, classes: int) -> Geometry:
    """The space's target for such images, cut into the patches of its proxy for them.

    Raises:
        SpaceError: it has no proxy for such images, or no target to choose.
    """
    chosen = {"image_size": image_size, "channels": channels, "classes": classes}
    if "patch_size" in names(space):
        chosen["patch_size"] = space.proxy(image_size, channels, classes).patch_size
    return replace(space.target, **chosen)


def names(space: Space) -> tuple[str, ...]:
    """The sizes that may be chosen; a SpaceError if there are none."""
    if not space.target_sizes:
        raise SpaceError(
            f"space {space.name} has no target to choose: its costs are known as they are; leave "
            "target out"
        )
    return space.target_sizes


def parts(text: str) -> list[str]:
    """What stands between commas."""
    return [part.strip() for part in text.split(",")]


def changed(
    geometry: Geometry, changes: Sequence[str], allowed: Collection[str], told: str
) -> Geometry:
    """A geometry with ``changes``, each as "width=96".

    Raises:
        SpaceError: one is none of what is ``allowed``, or twice there; it begins as ``told``.
    """
    found: dict[str, int] = {}
    for change in changes:
        name, _, value = change.partition("=")
        if name not in allowed or not _SIZE.fullmatch(value):
            raise SpaceError(
                f"{told}: {shown(change)} is no name=number of at most six digits; "
                f"names: {', '.join(sorted(allowed))}"
            )
        if name in found:
            raise SpaceError(f"{told}: {name} is there twice; leave one of them")
        found[name] = int(value)
    return replace(geometry, **found)
