"""Durations as people write them: ``90s``, ``2h``, ``1h30m``, ``1d``."""

from __future__ import annotations

import math
import re

from evo_nas.core.validation import shown
from evo_nas.errors import SettingsError

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_PART = r"(?:(?P<{0}>\d{{1,9}}(?:\.\d{{1,9}})?){0})?"
_DURATION = re.compile("".join(map(_PART.format, _UNITS)), re.ASCII)


def read_duration(key: str, text: str) -> float:
    """The seconds of a duration: numbers with d, h, m or s, from the longest unit to the shortest.

    Raises:
        SettingsError: it is none, or no time at all; ``key`` names it.
    """
    found = _DURATION.fullmatch(re.sub(r"\s", "", text).lower())
    parts = found.groupdict() if found else {}
    seconds = math.fsum(float(number or 0) * _UNITS[unit] for unit, number in parts.items())
    if seconds <= 0:
        raise SettingsError(f"{key} is {shown(text)}; give a time with units: 90s, 2h, 1h30m or 1d")
    return seconds
