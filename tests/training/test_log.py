"""The log for TensorBoard: what is in it, and what is forgotten when a training goes on."""

import pytest

from evo_nas.errors import RunError, SettingsError
from evo_nas.training import log as training_log
from evo_nas.training.log import TrainingLog
from evo_nas.training.loop import Epoch


def write(folder, numbers, accuracy=0.5, loss=2.0):
    log = TrainingLog(folder)
    for number in numbers:
        log.add(Epoch(number, loss / number, 1e-3 * number, 100.0), accuracy)
    log.close()


def read(folder):
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="TensorBoard is missing"
    )
    events = accumulator.EventAccumulator(str(folder))
    events.Reload()
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def test_each_epoch_has_its_figures_and_accuracy_where_it_was_measured(tmp_path):
    write(tmp_path / "new" / "log", (1, 2))
    assert read(tmp_path / "new" / "log") == {
        "loss": [(1, 2.0), (2, 1.0)],
        "learning_rate": [(1, pytest.approx(1e-3)), (2, pytest.approx(2e-3))],
        "images_per_second": [(1, 100.0), (2, 100.0)],
        "validation_accuracy": [(1, 0.5), (2, 0.5)],
    }
    write(tmp_path, (1, 2), accuracy=None)
    assert "validation_accuracy" not in read(tmp_path)


def test_what_is_repeated_after_a_stop_replaces_what_was_there(tmp_path):
    write(tmp_path, (1, 2, 3))
    write(tmp_path, (2, 3, 4), loss=12.0)
    assert read(tmp_path)["loss"] == [(1, 2.0), (2, 6.0), (3, 4.0), (4, 3.0)]


def test_a_log_that_cannot_be_written_is_told_at_once(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"no log can be written to .*file"):
        TrainingLog(tmp_path / "file")
    monkeypatch.setattr(training_log.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"needs TensorBoard: pip install 'evo-nas\[train\]'"):
        TrainingLog(tmp_path / "log")
    assert not (tmp_path / "log").exists()


def test_epochs_that_a_set_back_undid_are_forgotten(tmp_path):
    write(tmp_path, (1, 2, 3, 2, 3))
    assert [step for step, _ in read(tmp_path)["loss"]] == [1, 2, 3]
