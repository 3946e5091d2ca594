"""The splits of somebody's images: what their names mean, and which one serves as what.

A split is for training, validation or test by a word in its name, in any case: ``train``,
``Training``, ``seg_train``, ``train_set``, ``cifar10-train``. Why these choices:
docs/decisions/037-splits.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evo_nas.errors import DataError, nearest

TRAINING, VALIDATION, TEST, EVALUATION = "training", "validation", "test", "evaluation"
WORDS = {
    **dict.fromkeys(("train", "training", "trainval"), TRAINING),
    **dict.fromkeys(("validation", "valid", "val", "dev"), VALIDATION),
    **dict.fromkeys(("test", "testing"), TEST),
    **dict.fromkeys(("eval", "evaluation", "holdout"), EVALUATION),  # the second choice for both
}
_AFFIX = re.compile("(data)?(set|images|split)?$")


@dataclass(frozen=True, slots=True)
class Split:
    """``paths`` are parquet files, a CSV, or a folder; ``labelled`` whether that has class folders.

    ``rows`` are those of a dataset of Hugging Face that is open.
    """

    name: str
    paths: tuple[Path, ...]
    labelled: bool = True
    rows: Any = None

    @property
    def role(self) -> str | None:
        """What it is for, by its name."""
        return role(self.name)

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        more = len(self.paths) - 1
        return f"{self.paths[0]}{f' (and {more} more)' if more else ''}"


@dataclass(frozen=True, slots=True)
class Splits:
    """The training split and those held out; ``notes`` say what was left aside."""

    train: Split
    held_out: tuple[Split, ...] = ()
    notes: tuple[str, ...] = ()


def training_split(splits: Sequence[Split]) -> Split | None:
    """The one to train on, by its name, or the only one if its name says nothing."""
    found = [split for split in splits if split.role == TRAINING]
    if len(found) > 1:
        found = [split for split in found if is_plain(split.name)]
    if not found and len(splits) == 1 and splits[0].role is None:
        return splits[0]
    return found[0] if len(found) == 1 else None


def role(name: str) -> str | None:
    """What the name of a split says that it is for, if it says one thing."""
    tokens = re.split("[^a-z]+", name.lower())
    found = {WORDS[word] for t in tokens if (word := _AFFIX.sub("", t)) in WORDS}
    if found == {TRAINING, VALIDATION}:  # train_val: both together, to train on
        return TRAINING
    return found.pop() if len(found) == 1 else None


def is_plain(name: str) -> bool:
    """Whether a name is a word for a split and nothing else."""
    return name.lower() in WORDS


def choose_held_out(
    splits: Sequence[Split], validation: str | None, test: str | None, carve: bool, source: Path
) -> tuple[Split | None, Split | None]:
    """The splits to validate and to test on, each named or by its role; None where there is none.

    The only split that is held out is tested on, whatever its name, as on ImageNet. With ``carve``
    the validation split is none of them.

    Raises:
        DataError: there is no split of that name, it has no labels, or several could be meant.
    """
    named = {
        what: None if name is None else _named(splits, what, name, source)
        for what, name in (("validation", validation), ("test", test))
    }
    if named["test"] is not None and named["test"] == named["validation"]:
        raise DataError(f"{source}: validation and test are both {test!r}; name two splits")
    free = [each for each in splits if each.labelled and each not in named.values()]
    tested = named["test"] or _first(free, (TEST, EVALUATION, VALIDATION), "test", source)
    free = [each for each in free if each != tested]
    validated = named["validation"]
    if validated is None and not carve:
        validated = _first(free, (VALIDATION, EVALUATION), "validation", source)
    return validated, tested


def _named(splits: Sequence[Split], what: str, name: str, source: Path) -> Split:
    """The split of a name, in any case, or the only one whose name begins so."""
    found = [each for each in splits if each.name == name]
    found = found or [each for each in splits if each.name.lower() == name.lower()]
    found = found or [each for each in splits if each.name.lower().startswith(name.lower())]
    if len(found) != 1:
        names = [each.name for each in splits]
        hint = f"{nearest(name, names)}, or " if names else ""
        raise DataError(f"{source} has no split for {what}={name}; {hint}leave {what} out")
    if not found[0].labelled:
        raise DataError(
            f"{found[0].paths[0]} has no labels, so it cannot be used for {what}={name}; name "
            f"another split, or leave out {what}={name}"
        )
    return found[0]


def _first(splits: Sequence[Split], roles: Sequence[str], what: str, source: Path) -> Split | None:
    """The split of the first of these roles that there is."""
    for wanted in roles:
        found = [each for each in splits if each.role == wanted]
        if len(found) > 1:
            found = [each for each in found if is_plain(each.name)] or found
        if len(found) > 1:
            names = " and ".join(each.name for each in found)
            raise DataError(
                f"{source} has splits {names}, each of which may be the {what} split; name one, as "
                f"{what}={found[0].name}"
            )
        if found:
            return found[0]
    return None
