"""Random streams that are derived, never saved.

Every use of randomness names itself by a path such as ``("stage1", "propose", 3)``. The stream
depends on the run's seed and on that path alone, so a resumed run needs no saved state: it asks
for the same path again.

Why: docs/decisions/001-derived-randomness.md.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Streams:
    """All random streams of one seed."""

    seed: int

    def number(self, *path: str | int) -> int:
        """A 63-bit seed for this path, for libraries that take a number."""
        text = repr((self.seed, *path)).encode()
        return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 1

    def generator(self, *path: str | int) -> np.random.Generator:
        """A fresh generator at the start of this path's stream."""
        return np.random.default_rng(self.number(*path))
