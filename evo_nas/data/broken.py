"""Pictures that cannot be decoded: counted, named, and borne up to a share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from evo_nas.errors import DataError

NAMED = 3  # of them, in a message


@dataclass(slots=True)
class Unreadable:
    """The broken pictures found so far in ``source``; a share ``skip`` of ``pictures`` may be.

    ``found`` says what is wrong, by the picture's row.
    """

    source: str
    pictures: int
    skip: float = 0.0
    found: dict[int, str] = field(default_factory=dict)

    @property
    def most(self) -> int:
        """The number of broken pictures that is borne."""
        return int(self.skip * self.pictures + 1e-9)  # 0.07 x 100 is 7.000000000000001

    def add(self, found: Mapping[int, str]) -> None:
        """Count what was found, if it is new; a DataError if there are too many now."""
        for row, message in found.items():
            self.found.setdefault(row, message)
            if len(self.found) > self.most == 0:
                raise DataError(
                    f"{message}, or let a share of the pictures be skipped, as in skip=0.01"
                )
            if len(self.found) > self.most:
                allowed = f", where skip={self.skip:g} allows for {self.most}"
                raise DataError(
                    f"{self._told(allowed)}; repair or remove them, or raise skip (that of a run "
                    "stands in its config.toml, under data)"
                )

    def notes(self, outcome: str) -> list[str]:
        """One line that counts and names them, if there are any; ``outcome`` says what follows."""
        return [self._told(f" and {outcome}")] if self.found else []

    def _told(self, outcome: str) -> str:
        named = [
            text.removeprefix("picture ").partition(";")[0].replace(" cannot be decoded (", " (")
            for text in list(self.found.values())[:NAMED]
        ]
        count, more = len(self.found), len(self.found) - NAMED
        return (
            f"{count:,} of {self.pictures:,} pictures of {self.source} cannot be decoded{outcome}: "
            f"{', '.join(named)}{f' and {more:,} more' if more > 0 else ''}"
        )
