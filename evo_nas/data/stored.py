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
from types import FrameType
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from evo_nas.errors import DataError, PictureError, nearest

from .broken import Unreadable
from .decode import Format, decode, decode_crop
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
        """Channels, and pixels of a side."""
        return self.format.channels, self.format.size

    @property
    def nbytes(self) -> int:
        """The size of all pixels, decoded."""
        return len(self) * self.format.channels * self.format.size**2

    @property
    def kept(self) -> str:
        """The folder that is read, and the number of processes, in words."""
        readers = f"{self.workers} processes" if self.workers else "the training process"
        return (
            f"on disk, {amount(self.nbytes)} if decoded, read by {readers} from {self.table.place}"
        )

    def take(self, rows: Rows | Sequence[int]) -> StoredPictures:
        """The pictures of these rows."""
        index = np.asarray(rows, dtype=np.int64)
        return replace(self, rows=self.rows[index], labels=self.labels[torch.from_numpy(index)])

    def load(self) -> Images:
        """All of them decoded, as in evaluation."""
        pixels = torch.empty((len(self), *self.shape, self.format.size), dtype=torch.uint8)
        done = 0
        pieces = torch.split(torch.arange(len(self)), PIECE)
        for batch in self.read(pieces, torch.device("cpu")):
            pixels[done : done + len(batch)] = batch
            done += len(batch)
        return Images(pixels, self.labels)

    def at(self, device: torch.device) -> StoredPictures:
        """These pictures: they are moved batch by batch."""
        return self

    def for_processes(self, count: int) -> StoredPictures:
        """The workers are shared out between the processes."""
        return replace(self, workers=self.workers // count)

    def read(
        self, order: Iterable[Tensor], device: torch.device, seed: int = 0, crop: Crop | None = None
    ) -> Generator[Tensor, None, None]:
        """Batches of pixels on the device, decoded ahead of time; see the class above."""
        batches = [_pieces(rows, first) for rows, first in _placed(order)]
        pieces = [piece for batch in batches for piece in batch]
        workers = min(self.workers, len(pieces) // WORTH_A_WORKER)
        decoded: Iterator[_Decoded | DataError] = iter(())
        try:
            with _signals_kept(), warnings.catch_warnings():
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
                    self.unreadable.add(dict(broken))
                    parts.append(pixels.to(device, non_blocking=True))
                yield torch.cat(parts) if len(parts) > 1 else parts[0]
        finally:
            with _signals_kept():
                del decoded  # ends the workers

    def same_class(self, place: int) -> Rows:
        """The places of all pictures of this one's class, from the next one on, round to it."""
        places = np.flatnonzero((self.labels == self.labels[place]).numpy())
        return np.roll(places, -int(np.searchsorted(places, place, side="right")))

    def notes(self) -> list[str]:
        """Pictures that could not be decoded in this process so far."""
        return self.unreadable.notes("others of their class take their place")

    def feed(self, digest: Digest) -> None:
        """Add the table, the format and the labels to the digest."""
        digest.update(repr(self.format).encode())
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

    Raises:
        DataError: a picture is of a class that is not in ``classes``.
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


@dataclass(frozen=True, slots=True)
class _Piece:
    """Work for one worker: rows, and the place of the first row in the epoch."""

    rows: Rows
    first: int


def _placed(order: Iterable[Tensor]) -> Generator[tuple[Rows, int], None, None]:
    """The rows of each batch, and the place of its first image in the epoch."""
    place = 0
    for rows in order:
        yield rows.numpy(), place
        place += len(rows)


def _pieces(rows: Rows, first: int) -> list[_Piece]:
    return [
        _Piece(rows[start : start + PIECE], first + start) for start in range(0, len(rows), PIECE)
    ]


Pixels = npt.NDArray[np.uint8]  # (channels, size, size)
# Pixels, and the rows of broken pictures with what is wrong with them.
_Decoded = tuple[Tensor, list[tuple[int, str]]]


class _Decoder(Dataset["_Decoded | DataError"]):
    """Decodes pieces; errors are results, so that they arrive without a traceback."""

    def __init__(self, pictures: StoredPictures, seed: int, crop: Crop | None) -> None:
        self._pictures, self._seed, self._crop = pictures, seed, crop

    def __getitem__(self, piece: _Piece) -> _Decoded | DataError:
        pictures = self._pictures
        pixels = np.empty((len(piece.rows), *pictures.shape, pictures.format.size), dtype=np.uint8)
        broken: dict[int, str] = {}
        try:
            for number, place in enumerate(piece.rows):
                pixels[number] = self._decode(int(place), piece.first + number, broken)
        except PictureError:  # too many: who counts them will say so
            pass
        except DataError as error:
            return error
        return torch.from_numpy(pixels), list(broken.items())

    def _decode(self, place: int, position: int, broken: dict[int, str]) -> Pixels:
        """The picture at a place of the set, or the next that can be decoded."""
        pictures = self._pictures
        for each in self._in_turn(place):
            row = int(pictures.rows[each])
            try:
                name, content = pictures.table.picture(row)
                if self._crop is None:
                    return decode(name, content, pictures.format)
                generator = np.random.default_rng((self._seed, position))
                return decode_crop(name, content, pictures.format, self._crop, generator)
            except PictureError as error:
                broken[row] = message = str(error)
                if len(broken) > pictures.unreadable.most:
                    raise
        raise DataError(f"no picture of a whole class can be decoded: {message}")

    def _in_turn(self, place: int) -> Iterator[int]:
        yield place
        yield from self._pictures.same_class(place).tolist()


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
def _signals_kept() -> Iterator[None]:
    """Start or end workers undisturbed by signals.

    Ctrl-C waits until that is done, and for good in workers: the terminal sends it to them too, but
    it is for the process that reads to end them. (Blocking the signal would not be enough: another
    thread may get it, and the main thread be interrupted.) The handler with which torch raises in
    the midst of anything that a worker has died is taken away; reading finds it out as well.
    """
    if threading.current_thread() is not threading.main_thread():  # which signals do not disturb
        yield
        return
    interrupt, child = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGCHLD)
    waiting: list[tuple[int, FrameType | None]] = []
    if callable(interrupt):
        signal.signal(signal.SIGINT, lambda number, frame: waiting.append((number, frame)))
    try:
        yield
    finally:
        for number, handler in ((signal.SIGINT, interrupt), (signal.SIGCHLD, child)):
            if handler is not None:  # it is not Python's
                signal.signal(number, handler)
    if waiting and callable(interrupt):
        interrupt(*waiting[0])
