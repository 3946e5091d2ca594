"""Runs on images that were given from Python: another process goes on with the same, no others."""

import numpy as np
import pytest

import evo_nas
from evo_nas.data.memory import held
from evo_nas.errors import EvoNasError
from tests.kit.runs import outcome, run, stopped

LABELS = np.arange(120) % 3
PIXELS = np.random.default_rng(0).integers(0, 256, (120, 8, 8)).astype(np.uint8)
IMAGES = {"train": (PIXELS[:90], LABELS[:90]), "test": (PIXELS[90:], LABELS[90:])}


@pytest.fixture
def begun(tmp_path, monkeypatch):
    """A run that was stopped, in what is another process now."""
    stopped(10, run, tmp_path / "run", data=IMAGES)
    monkeypatch.setattr(held, "_held", {})
    return tmp_path / "run"


def test_a_run_goes_on_with_the_images_that_it_began_with(begun, tmp_path):
    found = evo_nas.resume(begun, data=IMAGES)
    whole = run(tmp_path / "whole", data=IMAGES)
    assert outcome(found) == outcome(whole)
    assert found.config.data == whole.config.data
    assert found.config.data.startswith("given?fingerprint=")


def test_a_process_that_was_given_none_or_others_says_so(begun):
    with pytest.raises(EvoNasError, match=r"given from Python .* give the same again"):
        evo_nas.resume(begun)
    others = {**IMAGES, "train": (PIXELS[:90], LABELS[:90][::-1])}
    with pytest.raises(EvoNasError, match=r"began with given\?"):
        evo_nas.resume(begun, data=others)
