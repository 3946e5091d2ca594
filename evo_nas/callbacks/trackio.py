"""Logs to Trackio."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .callback import RunBegun, RunEnded
from .logger import Axis, Logger


class Trackio(Logger):
    """Logs to Trackio, on this machine or a Space; a resumed run goes on with it.

    ``trackio show`` has its figures, over the axes ``evaluation`` and ``epoch``.

    Args:
        project: the project.
        space: the Hugging Face Space, as user/name; by default none, and TRACKIO_DIR says where.
    """

    library = "trackio"

    def __init__(self, project: str = "evo-nas", space: str = "") -> None:
        super().__init__()
        self._project, self._space = project, space

    def open(self, run: RunBegun, options: Mapping[str, Any]) -> None:
        import trackio

        self._run: Any = trackio.init(
            project=self._project,
            name=f"{run.folder.name}-{run.id[:6]}",
            space_id=self._space or None,
            config=dict(options),
            resume="allow",
        )

    def log(self, figures: Mapping[str, float], axis: Axis, number: int) -> None:
        self._run.log({**figures, axis: number})

    def close(self, run: RunEnded, figures: Mapping[str, float]) -> None:
        if figures:
            self._run.log({f"final/{name}": value for name, value in figures.items()})
        self._run.finish()
