"""Pictures that stay on disk and are decoded by worker processes whenever they are read.

Why: docs/decisions/027-broken-pictures.md.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import warnings
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from evo_nas.core.workers.start import interrupts_blocked
from evo_nas.errors import DataError, PictureError, nearest

from .broken import Unreadable
from .decode import decode
from .format import Format
from .images import Crop, Digest, Images, ImageSet, Rows, amount
from .pictures import PictureTable

PIECE = 64  # pictures that a worker decodes at a time
WORTH_A_WORKER = 4  # pieces; for fewer no process is started


@dataclass(frozen=True, slots=True)
class StoredPictures(ImageSet):
    """``rows`` of a table, decoded to ``format`` by ``workers`` processes, with ``labels``.

    What is read is the same for any number of workers; 0 reads in this process. In the place of a
    picture that cannot be decoded comes the next one here of its class, and ``unreadable`` counts
    it; sets that were taken from each other count together.
    """

    decodes: ClassVar[bool] = True
    table: PictureTable
    rows: Rows
    labels: Tensor
    format: Format
    workers: int
    unreadable: Unreadable

    @property
    def shape(self) -> tuple[int, int]:
        return self.format.channels, self.format.size

    @property
    def nbytes(self) -> int:
        """The size of all pixels, decoded."""
        return len(self) * self.format.channels * self.format.size**2

    @property
    def kept(self) -> str:
        readers = f"{self.workers} processes" if self.workers else "the training process"
        return (
            f"on disk, {amount(self.nbytes)} if decoded, read by {readers} from {self.table.place}"
        )

    def take(self, rows: Rows | Sequence[int]) -> StoredPictures:
        index = np.asarray(rows, dtype=np.int64)
        return replace(self, rows=self.rows[index], labels=self.labels[torch.from_numpy(index)])

    def load(self) -> Images:
        """All of them decoded, as in evaluation."""
        pixels = torch.empty((len(self), *self.shape, self.format.size), dtype=torch.uint8)
        done = 0
        for batch in self.read(torch.split(torch.arange(len(self)), PIECE), torch.device("cpu")):
            pixels[done : done + len(batch)] = batch
            done += len(batch)
        return Images(pixels, self.labels)

    def for_processes(self, count: int) -> StoredPictures:
        return replace(self, workers=self.workers // count)

    def read(
        self, order: Iterable[Tensor], device: torch.device, seed: int = 0, crop: Crop | None = None
    ) -> Generator[Tensor, None, None]:
        batches, first = [], 0
        for rows in order:
            placed = np.stack((rows.numpy(), np.arange(first, first + len(rows))), axis=1)
            batches.append([placed[at : at + PIECE] for at in range(0, len(rows), PIECE)])
            first += len(rows)
        pieces = [piece for batch in batches for piece in batch]
        workers = min(self.workers, len(pieces) // WORTH_A_WORKER)
        decoded: Iterator[_Decoded | DataError] = iter(())
        try:
            with _undisturbed(), warnings.catch_warnings():
                # Torch's, of more workers than cores; and in workers Pillow's, of odd metadata.
                warnings.simplefilter("ignore")
                loader = DataLoader(
                    _Decoder(self, seed, crop),
                    batch_size=None,
                    sampler=pieces,
                    num_workers=workers,
                    pin_memory=device.type == "cuda",
                    # Workers read through what this process has opened, and start in no time.
                    multiprocessing_context="fork" if workers else None,
                    generator=torch.Generator(),  # or it would draw from the global stream
                )
                decoded = iter(loader)
            for batch in batches:
                parts = []
                for _ in batch:
                    # An error is raised here and not deeper: it would hold on to the workers.
                    part = _next(decoded)
                    if isinstance(part, DataError):
                        raise part
                    pixels, broken = part
                    self.unreadable.add(broken)
                    parts.append(pixels.to(device, non_blocking=True))
                yield torch.cat(parts) if len(parts) > 1 else parts[0]
        finally:
            with _undisturbed():
                del decoded  # ends the workers

    def standing_in(self, place: int) -> Iterator[int]:
        """The place, and all others of its class from the next one on, round to it."""
        yield place
        places = np.flatnonzero((self.labels == self.labels[place]).numpy())
        yield from np.roll(places, -int(np.searchsorted(places, place, side="right"))).tolist()

    def notes(self) -> list[str]:
        """Pictures that could not be decoded in this process so far."""
        return self.unreadable.notes("others of their class take their place")

    def feed(self, digest: Digest) -> None:
        digest.update(self.format.identity.encode())
        self.table.feed(digest, self.rows)
        digest.update(self.labels.numpy().astype("<i8").data)


def stored_pictures(
    table: PictureTable,
    rows: Rows,
    classes: Sequence[str],
    chosen: Format,
    workers: int,
    skip: float = 0.0,
) -> StoredPictures:
    """Rows of a table as images whose labels index ``classes``, which may be another table's.

    The share ``skip`` of them may be broken.
    """
    unknown = sorted({table.classes[i] for i in np.unique(table.labels[rows])} - set(classes))
    if unknown:
        raise DataError(
            f"{table.source} has class {unknown[0]!r}, which the training split has not; "
            f"{nearest(unknown[0], classes)}"
        )
    places = {name: place for place, name in enumerate(classes)}
    index = np.array([places.get(name, -1) for name in table.classes], dtype=np.int64)
    labels = torch.from_numpy(index[table.labels[rows]])
    unreadable = Unreadable(str(table.source), len(rows), skip)
    return StoredPictures(table, rows, labels, chosen, workers, unreadable)


Pixels = npt.NDArray[np.uint8]  # (channels, size, size)
# Pixels, and what is wrong with broken pictures, by row.
_Decoded = tuple[Tensor, dict[int, str]]


class _Decoder(Dataset["_Decoded | DataError"]):
    """Decodes pieces: int64 (n, 2), places in the set and in the epoch.

    Errors are results, so that they arrive without a traceback.
    """

    def __init__(self, pictures: StoredPictures, seed: int, crop: Crop | None) -> None:
        self._pictures, self._seed, self._crop = pictures, seed, crop

    def __getitem__(self, piece: Rows) -> _Decoded | DataError:
        pictures = self._pictures
        pixels = np.empty((len(piece), *pictures.shape, pictures.format.size), dtype=np.uint8)
        broken: dict[int, str] = {}
        try:
            for number, (place, position) in enumerate(piece.tolist()):
                pixels[number] = self._decode(place, position, broken)
        except PictureError:  # too many: who counts them will say so
            pass
        except DataError as error:
            return error
        return torch.from_numpy(pixels), broken

    def _decode(self, place: int, position: int, broken: dict[int, str]) -> Pixels:
        """The picture at a place of the set, or the next that can be decoded."""
        pictures = self._pictures
        for each in pictures.standing_in(place):
            row = int(pictures.rows[each])
            try:
                name, content = pictures.table.picture(row)
                return decode(name, content, pictures.format, self._crop, (self._seed, position))
            except PictureError as error:
                broken[row] = message = str(error)
                if len(broken) > pictures.unreadable.most:
                    raise
        name = pictures.table.classes[int(pictures.table.labels[pictures.rows[place]])]
        raise DataError(f"no picture of class {name!r} can be decoded: {message}")


def _next(decoded: Iterator[_Decoded | DataError]) -> _Decoded | DataError:
    try:
        return next(decoded)
    except (RuntimeError, OSError, EOFError) as error:  # a worker was killed
        reason = (str(error) or type(error).__name__).splitlines()[0]
        return DataError(
            f"a process that decodes pictures has ended ({reason}); if memory "
            "(or shared memory, /dev/shm) is short, choose fewer of them with workers="
        )


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Start or end workers: Ctrl-C waits, and it is for the process that reads to end them.

    The handler with which torch raises in the midst of anything that a worker has died is taken
    away; reading finds it out as well.
    """
    handler = signal.getsignal(signal.SIGCHLD)
    try:
        with interrupts_blocked():
            yield
    finally:
        if handler is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGCHLD, handler)
