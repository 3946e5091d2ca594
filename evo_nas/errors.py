"""Everything that a user can get wrong is told by one of these.

Each carries one line that names the offending value and what to do; the command line prints
that line and ends with exit code 2. Anything else that escapes is a bug in evo-nas.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable

LINE = 100  # characters of a value in a message


class EvoNasError(ValueError):
    """The root of all errors that evo-nas raises for its users."""


class SpaceError(EvoNasError):
    """A search space is inconsistent, or a genome does not belong to it."""


class TableError(SpaceError):
    """A table of results lacks something, or holds what cannot be."""


class BudgetError(EvoNasError):
    """A budget is malformed, or nothing in the space meets it."""


class NotDrawn(BudgetError):  # noqa: N818  told to users as the error of a budget that it is
    """No legal genome came of a bounded number of draws."""


class SpecError(EvoNasError):
    """A plug-in cannot be found, loaded or configured, or it breaks its contract."""


class DataError(EvoNasError):
    """Images or labels cannot be read."""


class PictureError(DataError):
    """A picture is there, but what is in it cannot be decoded."""


class RecipeError(EvoNasError):
    """A training recipe is malformed."""


class SettingsError(EvoNasError):
    """A number or name given to a run is out of range."""


class RunError(EvoNasError):
    """A run folder is missing, taken, in use or damaged."""


class CheckpointError(RunError):
    """A checkpoint is damaged or belongs to something else."""


class ExportError(EvoNasError):
    """A network cannot be exported, or what was exported is another network."""


class HubError(EvoNasError):
    """The Hub has no such model, refuses what is asked, or cannot be reached."""


class EvaluatorError(EvoNasError):
    """An evaluator failed; while it evaluates a candidate, that candidate has failed."""


class ContractError(EvaluatorError):
    """An evaluator's answers do not belong to what it was asked: no candidate is to blame."""


class TrainingError(EvaluatorError):
    """A network cannot be trained or measured: it diverges, or memory is too small."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known names are close to ``name``, or list them all."""
    names = sorted(known)  # some are columns of a file, and may hold anything
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(map(plain, close))}?"
    return f"known: {', '.join(map(plain, names)) if names else 'none'}"


def plain(name: str) -> str:
    """A name of a file's as it is written in a message: printable, and no longer than a line."""
    text = printable(name)
    return text if len(text) <= LINE else f"{text[:LINE]}..."


def printable(name: str) -> str:
    """All of a name, with what would control a terminal written out."""
    return name if name.isprintable() else repr(name)[1:-1]


def shell_word(name: object) -> str:
    """A name as it stands in a command that is shown: one word of a shell, and no option."""
    text = str(name)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with what it counts: 1 epoch, 2 epochs, 3,000 images."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def in_short(reason: str, longest: int = 120) -> str:
    """A reason in one line, without what would control a terminal."""
    printable = "".join(c if c.isprintable() else " " for c in reason)
    line = " ".join(printable.split())
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def to_keep(reason: str) -> str:
    """A reason as it is recorded: in one line that is not too long."""
    return in_short(reason, 500) or "no reason was given"
