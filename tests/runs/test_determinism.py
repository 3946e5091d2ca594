"""The same seed and threads give the same weights in another process, whoever reads the images."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.images import write_pictures

ROOT = Path(__file__).resolve().parents[2]

# Prints the SHA-256 of trained weights: arguments are the evaluator, pictures, a folder, workers.
SCRIPT = """
import hashlib, sys
from pathlib import Path
import torch
from evo_nas.core.plugins import registry
from evo_nas.evaluation.evaluator import EvaluationContext
from evo_nas.training import load_weights
from evo_nas.training.recipe import Augmentation, Phase, Recipe
from evo_nas.core.streams import Streams

torch.set_num_threads(1)
name, pictures, folder, workers = sys.argv[1:]
data = registry.load("data", f"{pictures}?image_size=8&stored=true&skip=0.1&workers={workers}")
space = registry.load("space", "glit_hl")
augmentation = Augmentation(crop_scale=0.3, horizontal_flip=0.5, random_erasing=0.3, mixup=0.5)
phase = Phase("adamw", 2, 8, 1e-3, 0.05, stochastic_depth=0.1, augmentation=augmentation)
context = EvaluationContext(
    Streams(5), Path(folder), space.proxy(8, 3, 3), data.load(0),
    Recipe("tiny", phase, phase), epochs=2,
)
stage = space.stage(0)
evaluator = registry.load("evaluator", name)
evaluator.open(stage, context)
genome = (1, 2) * 6
print(sorted(evaluator.evaluate(genome).items()))
if name == "train":
    path = evaluator.weights(genome)
else:
    path = next(Path(folder).glob("*.safetensors"))
digest = hashlib.sha256()
for key, tensor in sorted(load_weights(path).items()):
    digest.update(key.encode() + tensor.contiguous().numpy().tobytes())
print(digest.hexdigest())
"""


def outcome(name: str, pictures: Path, folder: Path, workers: int) -> str:
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, name, str(pictures), str(folder), str(workers)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", ["train", "supernet"])
def test_two_processes_train_the_same_weights_with_any_number_of_readers(
    tmp_path: Path, name: str
) -> None:
    """With one broken picture among them, in whose place comes another."""
    pictures = write_pictures(tmp_path / "pictures", 30)
    broken = pictures / "leaf" / "007.jpg"
    broken.write_bytes(broken.read_bytes()[:-300])
    first, again, readers = (
        outcome(name, pictures, tmp_path / f"{number}", workers)
        for number, workers in enumerate((0, 0, 2))
    )
    assert first == again == readers
    assert len(first.splitlines()[-1]) == 64
