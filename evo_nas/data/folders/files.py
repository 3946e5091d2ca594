"""Files in folders of pictures: which are pictures, and which only tell of them."""

from __future__ import annotations

import errno
import glob
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache

from evo_nas.data.decode import header
from evo_nas.errors import DataError, plain

# What stands beside pictures and is none. Other endings that Pillow does not know may be pictures
# that somebody means to be read, such as .heic.
_DOCUMENTS = frozenset(
    b".txt .md .rst .html .htm .json .jsonl .xml .csv .tsv .xls .xlsx .doc .docx .yaml .yml .toml "
    b".ini .cfg .py .ipynb .sh .log .db .lock .parquet .arrow .css .js".split()
)
_DOCUMENT_NAMES = frozenset(b"readme license licence citation notice authors makefile".split())


@cache
def _endings() -> frozenset[bytes]:
    from PIL import Image  # an optional dependency

    known = Image.registered_extensions().items()
    return frozenset(ending.encode() for ending, name in known if name in Image.OPEN)


def ending(name: bytes) -> bytes:
    """What a file's name ends with, in lower case, with the dot."""
    return os.path.splitext(name)[1].lower()


def is_picture(path: bytes) -> bool:
    """Whether a file is a picture, by its ending; one without an ending is opened for that."""
    found = ending(path)
    if found or is_document(path):
        return found in _endings()
    try:
        header("", os.fsdecode(path))
    except DataError:
        return False
    return True


def is_document(path: bytes) -> bool:
    """Whether nobody would mean it as a picture."""
    return ending(path) in _DOCUMENTS or os.path.basename(path).lower() in _DOCUMENT_NAMES


def folders(folder: bytes) -> list[bytes]:
    """The names of the folders in a folder, sorted as texts; hidden ones are left out."""
    with os.scandir(folder) as entries:
        names = [e.name for e in entries if not e.name.startswith(b".") and e.is_dir()]
    return sorted(names, key=os.fsdecode)


def walk(folder: bytes, inside: bytes = b"") -> Iterator[tuple[bytes, os.DirEntry[bytes]]]:
    """All files, at any depth, with their paths below ``folder``; hidden ones are left out."""
    with os.scandir(os.path.join(folder, inside)) as entries:
        for entry in entries:
            path = os.path.join(inside, entry.name)
            if entry.name.startswith(b"."):
                continue
            if ending(entry.name) not in _endings() and entry.is_dir():
                if entry.is_symlink() and _is_above(entry.path, os.path.join(folder, inside)):
                    raise OSError(errno.ELOOP, "it leads to a folder that it is in", entry.path)
                yield from walk(folder, path)
            else:
                yield path, entry


def _is_above(link: bytes, folder: bytes) -> bool:
    target, found = os.path.realpath(link), os.path.realpath(folder)
    return os.path.commonpath((target, found)) == target


@contextmanager
def readable() -> Iterator[None]:
    """Raise a DataError for what cannot be looked at, such as a link that leads nowhere."""
    try:
        yield
    except OSError as error:
        name = os.fsdecode(error.filename or b"a file")
        told = (
            f"{plain(name)} cannot be read ({error.strerror}); bring back what it is, or remove it"
        )
        raise DataError(told) from error


def unread_table(folder: bytes) -> str:
    """What to say of a table in a folder of pictures, which may hold the labels; "" if none."""
    tables = [name for name in sorted(os.listdir(folder)) if ending(name) in (b".csv", b".jsonl")]
    return f" ({plain(os.fsdecode(tables[0]))} is not read)" if tables else ""


def find_pictures(names: Iterable[str]) -> list[str]:
    """The paths that people mean: of a folder all pictures in it, of a pattern all that it fits.

    Both are sorted. A file is taken whatever it is called, and so is what is not there: who reads
    it says so.

    Raises:
        DataError: a folder has no pictures, or a pattern fits nothing.
    """
    found: list[str] = []
    for name in names:
        is_pattern = glob.has_magic(name) and not os.path.lexists(name)
        paths = sorted(glob.glob(name, recursive=True)) if is_pattern else [name]
        for path in paths:
            found += _pictures_in(path) if os.path.isdir(path) else [path]
        if not paths:
            raise DataError(f"no file fits the pattern {plain(name)}; name pictures or a folder")
    return found


def _pictures_in(folder: str) -> list[str]:
    """The pictures in a folder, at any depth, sorted."""
    inside = os.fsencode(folder)
    with readable():
        found = [os.path.join(inside, path) for path, _ in walk(inside)]
    pictures = sorted(os.fsdecode(path) for path in found if is_picture(path))
    if not pictures:
        raise DataError(f"there are no pictures in {plain(folder)}; name another folder")
    return pictures


def holds_pictures(folder: bytes) -> bool:
    """Whether there is anything at any depth that may be meant as a picture."""
    return any(not is_document(path) for path, _ in walk(folder))


def holds_pictures_itself(folder: bytes) -> bool:
    """Whether there is any directly in it."""
    with os.scandir(folder) as entries:
        return any(
            ending(entry.name) in _endings() or not (is_document(entry.name) or entry.is_dir())
            for entry in entries
            if not entry.name.startswith(b".")
        )
