"""The log of a training, for TensorBoard."""

from __future__ import annotations

import importlib.util
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from evo_nas.errors import RunError, SettingsError

from .loop import Epoch

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class TrainingLog:
    """The log of a training in ``folder``, epoch by epoch; a resumed training continues it."""

    def __init__(self, folder: Path) -> None:
        if importlib.util.find_spec("tensorboard") is None:
            raise SettingsError(
                f"log={folder} needs TensorBoard: pip install 'evo-nas[train]', or leave it out"
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"no log can be written to {folder}: {error.strerror}") from error
        self._folder = folder
        self._writer: SummaryWriter | None = None
        self._last = 0

    def add(self, epoch: Epoch, validation_accuracy: float | None) -> None:
        """Record an epoch; earlier records of it and of later epochs are dropped."""
        if epoch.number <= self._last:  # the training was set back
            self.close()
        self._last = epoch.number
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self._folder), purge_step=epoch.number)
        figures = {**asdict(epoch), "validation_accuracy": validation_accuracy}
        number = figures.pop("number")
        for name, figure in figures.items():
            if figure is not None:
                self._writer.add_scalar(name, figure, number)
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
