"""Pictures that stand in two splits: what was trained on is measured, and looks better than it is.

Only files of equal size can hold the same bytes, so that few have to be read.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from evo_nas.core.streams import Streams
from evo_nas.data.images import Rows
from evo_nas.data.pictures import PictureTable
from evo_nas.errors import PictureError

MOST_BYTES = 2**28  # that are read; more take seconds on a plain disk
MOST_FILES = 20_000


def shared_pictures(splits: Mapping[str, tuple[PictureTable, Rows]]) -> list[str]:
    """A line for each two splits that share pictures, and one if not all could be looked at.

    Later splits are measured on, and are told of by how many of theirs stand in an earlier one.
    """
    names = list(splits)
    sizes = [table.bytes_of(rows) for table, rows in splits.values()]
    together, split_of = np.concatenate(sizes), np.repeat(np.arange(len(sizes)), [*map(len, sizes)])
    row_of = np.concatenate([rows for _, rows in splits.values()])
    suspects = _suspects(together, split_of)
    looked = _affordable(suspects, together)
    seen: dict[bytes, dict[int, tuple[str, str]]] = {}
    shared: dict[tuple[int, int], list[str]] = {}
    for place in looked.tolist():
        split, row = int(split_of[place]), int(row_of[place])
        table, _ = splits[names[split]]
        try:
            name, content = table.picture(row)
            body = _read(content) if isinstance(content, str) else content
        except (PictureError, OSError):
            continue  # it is told of when it is decoded
        there = seen.setdefault(hashlib.blake2b(body, digest_size=16).digest(), {})
        label = table.classes[int(table.labels[row])]
        for earlier, (other, other_label) in there.items():
            if earlier < split:
                apart = ""
                if label != other_label:
                    apart = f" under another class, {label!r} instead of {other_label!r}"
                shared.setdefault((earlier, split), []).append(f"{name} is {other}{apart}")
        there.setdefault(split, (name, label))
    notes = [
        f"{len(found):,} of {len(sizes[split]):,} {names[split]} pictures stand in the "
        f"{names[earlier]} split too, such as {found[0]}"
        for (earlier, split), found in sorted(shared.items())
    ]
    if len(looked) < len(suspects):
        notes.append(
            f"whether pictures stand in two splits was looked at for {len(looked):,} of "
            f"{len(suspects):,} that have as many bytes as one of another split"
        )
    return notes


def _read(path: str) -> bytes:
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(f"{path} is no regular file")  # a FIFO would be waited for
    return Path(path).read_bytes()


def _suspects(sizes: Rows, split_of: Rows) -> Rows:
    """The places of pictures that have as many bytes as one of another split, by split."""
    order = np.lexsort((split_of, sizes))
    _, starts, counts = np.unique(sizes[order], return_index=True, return_counts=True)
    ends = starts + counts - 1
    mixed = (split_of[order[starts]] != split_of[order[ends]]) & (sizes[order[starts]] > 0)
    found: Rows = np.sort(order[np.repeat(mixed, counts)])
    return found


def _affordable(suspects: Rows, sizes: Rows) -> Rows:
    """As many of them as may be read, whole groups of one size, by chance but always the same."""
    groups, group_of = np.unique(sizes[suspects], return_inverse=True)
    order = Streams(0).generator("shared pictures").permutation(len(groups))
    by_group = np.argsort(np.argsort(order)[group_of], kind="stable")
    files = np.arange(1, len(suspects) + 1)
    read = np.cumsum(sizes[suspects][by_group])
    return np.sort(suspects[by_group[(files <= MOST_FILES) & (read <= MOST_BYTES)]])
