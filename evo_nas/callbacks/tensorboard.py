"""Logs to TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from evo_nas.core.plugins.options import FilePath

from .callback import RunBegun, RunEnded
from .logger import Axis, Logger


class TensorBoard(Logger):
    """Writes event files for TensorBoard; a resumed run adds to them.

    Args:
        folder: where; by default "tensorboard" in the run's folder.
    """

    library = "tensorboard"

    def __init__(self, folder: Annotated[str, FilePath()] = "") -> None:
        super().__init__()
        self._folder = folder

    def open(self, run: RunBegun, options: Mapping[str, Any]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        folder = Path(self._folder) if self._folder else run.folder / "tensorboard"
        self._writer: Any = SummaryWriter(str(folder))
        if not run.recorded:
            rows = [f"| {name} | {value} |" for name, value in options.items()]
            table = ["| option | value |", "| --- | --- |", *rows]
            self._writer.add_text("options", "\n".join(table))

    def log(self, figures: Mapping[str, float], axis: Axis, number: int) -> None:
        for name, value in figures.items():
            self._writer.add_scalar(name, value, number)
        self._writer.flush()

    def close(self, run: RunEnded, figures: Mapping[str, float]) -> None:
        self.log({f"final/{name}": value for name, value in figures.items()}, "evaluation", 0)
        self._writer.close()
