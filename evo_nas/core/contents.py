"""What files hold, as digests; one that has stayed as it was is not read again."""

from __future__ import annotations

import os
import time
from hashlib import file_digest, sha256

MISSING = "missing"
_TICK = 0.05  # seconds within which a file may change again and have the same times

_known: dict[tuple[str | int, ...], str] = {}


def digest(content: bytes) -> str:
    """The digest of what a file holds."""
    return sha256(content).hexdigest()


def digest_of(path: str | os.PathLike[str]) -> str:
    """The digest of a file; ``MISSING`` if it cannot be read."""
    try:
        with open(path, "rb") as file:
            at = os.fstat(file.fileno())
            key = (
                os.fspath(path),
                at.st_dev,
                at.st_ino,
                at.st_size,
                at.st_mtime_ns,
                at.st_ctime_ns,
            )
            if key in _known:
                return _known[key]
            found = file_digest(file, "sha256").hexdigest()
            if time.time() - at.st_ctime > _TICK:
                _known[key] = found
            return found
    except OSError:
        return MISSING
