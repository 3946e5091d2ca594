"""What tests.hostile.fuzz damages: runs, weights and pictures as evo-nas and others leave them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch

from evo_nas import api
from evo_nas.core.progress import Silent
from evo_nas.results.networks.export import Wish, export
from evo_nas.results.networks.trained import load_trained
from evo_nas.training import loop
from evo_nas.training.weights import read_state_dict
from tests.kit.runs import make_run

SPACE = 'name = "mine"\ndepth = 2\n[target]\nwidth = 24\nheads = 3\nimage_size = 16\n[options]\nheads = [0, 1, 3]\n'
DIGITS = "digits?train=100&validation=50&test=50"
SMALL = ["--geometry", "proxy,width=12", "--jobs", "1"]


class Stops(Silent):
    """Copies a run that is being made, as it would be found had it been stopped there."""

    def __init__(self, run: Path, stopped: Path) -> None:
        self._run, self._stopped, self._saved = run, stopped, 0
        self._save = loop.save_checkpoint

    def save(self, path: Path, state: Mapping[str, Any]) -> None:
        """In place of ``save_checkpoint``: amid a training, with one checkpoint before the last."""
        self._save(path, state)
        self._saved += 1
        if self._saved == 2 or path.parent.name == "finalists":
            self._copy(path.parent.name)

    def advance(self, done: float, note: str = "") -> None:
        """Amid the search, when the first generation has been told."""
        if "generation 1" in note:
            self._copy("generation")

    def _copy(self, name: str) -> None:
        shutil.copytree(self._run, self._stopped / name, dirs_exist_ok=True)


class Seeds:
    """Sound things in one folder, each made when it is first needed, or all at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self) -> None:
        """All of them now."""
        for name, value in vars(Seeds).items():
            if isinstance(value, cached_property):
                getattr(self, name)

    @cached_property
    def run(self) -> Path:
        """A finished run that trained nothing."""
        make_run(self._folder / "sound")
        (self._folder / "sound" / "trust-x.json").write_text('{"stage": "stage1"}\n')
        return self._folder / "sound"

    @cached_property
    def space(self) -> Path:
        """A space of two blocks."""
        path = self._folder / "mine.toml"
        path.write_text(SPACE)
        return path

    @cached_property
    def trained(self) -> Path:
        """A finished run with weights, scores on shared ones, and what was measured for a limit."""
        run = self._folder / "trained"
        stops = Stops(run, self._folder / "stopped")
        with mock.patch.object(loop, "save_checkpoint", stops.save):
            api.run(
                str(self.space), "100M", limits=["latency<=100000"], strategy="spos", data=DIGITS,
                samples=4, population=2, parents=1, finalists=1, epochs=2, finalist_epochs=2,
                geometry="proxy,width=12", jobs=1, run_dir=run, progress=stops,
            )  # fmt: skip
        return run

    @cached_property
    def stopped(self) -> list[Path]:
        """The same run, stopped in its trainings and in its search."""
        return sorted((self.trained.parent / "stopped").iterdir())

    @cached_property
    def model(self) -> Path:
        """The model folder of that run's network."""
        folder = self._folder / "model"
        export(load_trained(str(self.trained)), Wish(images=4), folder)
        return folder

    @cached_property
    def state_dict(self) -> Path:
        """That network's weights as torch.save writes them."""
        path = self._folder / "weights.pth"
        torch.save({"model": read_state_dict(self.trained / "best.safetensors")}, path)
        return path

    @cached_property
    def pictures(self) -> Path:
        """Class folders of pictures."""
        from PIL import Image

        folder = self._folder / "pictures"
        for number in range(18):
            path = folder / "abc"[number % 3] / f"{number}.{('png', 'jpg')[number % 2]}"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(number).integers(0, 256, (9, 12, 3), np.uint8)
            Image.fromarray(pixels).save(path)
        return folder

    @cached_property
    def parquet(self) -> Path:
        """The same pictures in one file."""
        import datasets

        files = sorted(self.pictures.rglob("*.*"))
        rows = {
            "image": [{"bytes": file.read_bytes(), "path": file.name} for file in files],
            "label": ["abc".index(file.parent.name) for file in files],
        }
        kinds = {"image": datasets.Image(), "label": datasets.ClassLabel(names=list("abc"))}
        path = self._folder / "train.parquet"
        datasets.disable_progress_bars()
        datasets.Dataset.from_dict(rows, datasets.Features(kinds)).to_parquet(path)
        return path
