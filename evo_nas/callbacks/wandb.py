"""Logs to Weights & Biases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from .callback import RunBegun, RunEnded
from .logger import Axis, Logger


class WandB(Logger):
    """Logs to Weights & Biases, as one run of a project; a resumed run goes on with it.

    Args:
        project: the project.
        entity: the user or team; by default as the login says.
        mode: "online", "offline" (files in the folder wandb, for ``wandb sync``), or "disabled"; by
            default as WANDB_MODE says, else online.
    """

    library = "wandb"

    def __init__(
        self,
        project: str = "evo-nas",
        entity: str = "",
        mode: Literal["", "online", "offline", "disabled"] = "",
    ) -> None:
        super().__init__()
        given = {"project": project, "entity": entity, "mode": mode}
        self._given: dict[str, Any] = {name: value for name, value in given.items() if value}

    def open(self, run: RunBegun, options: Mapping[str, Any]) -> None:
        import wandb

        settings = wandb.Settings(console="off")  # what is shown is ours to show
        self._run: Any = wandb.init(
            **self._given, id=run.id, name=run.folder.name, resume="allow", config=dict(options),
            allow_val_change=True, settings=settings,
        )  # fmt: skip
        self._known: set[str] = set()

    def log(self, figures: Mapping[str, float], axis: Axis, number: int) -> None:
        for name in figures.keys() - self._known:
            self._run.define_metric(name, step_metric=axis)
            self._known.add(name)
        self._run.log({**figures, axis: number})

    def close(self, run: RunEnded, figures: Mapping[str, float]) -> None:
        self._run.summary.update(figures)
        self._run.finish(exit_code=int(run.status != "finished"))
