import errno
import os
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from evo_nas.core.files import write_atomically
from evo_nas.errors import CheckpointError, RunError
from evo_nas.evaluation.evaluator import Failure
from evo_nas.training.checkpoints import (
    HEADER_BYTES,
    load_checkpoint,
    remove_checkpoint,
    save_checkpoint,
)
from evo_nas.training.weights import load_weights, save_weights

STATE = {"epoch": 3, "network": {"weight": torch.arange(6.0).view(2, 3)}, "groups": [{"lr": 0.1}]}


def test_writes_and_replaces_whole_files(tmp_path):
    path = tmp_path / "file"
    for content in (b"one", b"another"):
        write_atomically(path, content)
        assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


REFUSALS = [
    (errno.EIO, r"cannot be written \(Input/output error\); see to its disk and its permissions"),
    (errno.EROFS, r"cannot be written \(Read-only file system\); see to its disk"),
    (errno.EACCES, r"cannot be written \(Permission denied\); see to its disk"),
    (errno.ENOSPC, "cannot be written, the disk is full; free some space"),
    (errno.EDQUOT, "cannot be written, the disk is full; free some space"),
]


@contextmanager
def refusing(step, number):
    """The system refuses a step of reading or writing files."""

    def fail(*_, **__):
        raise OSError(number, os.strerror(number))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"evo_nas.core.files.{step}", fail)
        yield


@pytest.mark.parametrize("step", ["os.fsync", "Path.open", "Path.replace"])
@pytest.mark.parametrize(("number", "said"), REFUSALS)
def test_a_failed_write_names_the_file_and_leaves_the_old_one_and_nothing_else(
    tmp_path, number, said, step
):
    path = tmp_path / "file"
    write_atomically(path, b"old")
    with refusing(step, number), pytest.raises(RunError, match=f"file {said}") as caught:
        write_atomically(path, b"new")
    with pytest.raises(RunError):  # no candidate is to blame
        Failure.by(caught.value)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"old"]


def test_a_place_where_no_file_can_be_is_named(tmp_path):
    with pytest.raises(RunError, match=f"no file can be written to a folder: {tmp_path}"):
        write_atomically(tmp_path, b"new")
    with pytest.raises(RunError, match=f"there is no such folder: {tmp_path / 'none'}"):
        write_atomically(tmp_path / "none" / "file", b"new")


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    path = tmp_path / "state"
    assert load_checkpoint(path) is None
    save_checkpoint(path, STATE)
    state = load_checkpoint(path)
    assert torch.equal(state.pop("network")["weight"], STATE["network"]["weight"])
    assert state == {"epoch": 3, "groups": [{"lr": 0.1}]}


def damaged(path, place=-1):
    """A file with one bit that is another."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def saved(path, *epochs):
    for epoch in epochs:
        save_checkpoint(path, {"epoch": epoch})


@pytest.mark.parametrize("length", [0, 4, HEADER_BYTES, HEADER_BYTES + 1, -1])
def test_a_truncated_checkpoint_is_told(tmp_path, length):
    path = tmp_path / "state"
    saved(path, 1)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(CheckpointError, match="state is damaged; delete it, and the run repeats"):
        load_checkpoint(path)


@pytest.mark.parametrize("place", [0, HEADER_BYTES - 1, HEADER_BYTES, -1])
def test_a_flipped_bit_is_told(tmp_path, place):
    path = tmp_path / "state"
    saved(path, 1)
    damaged(path, place)
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint(path)


def test_weights_come_back_with_their_metadata(tmp_path):
    path = tmp_path / "net.safetensors"
    assert load_weights(path) is None
    shared = torch.arange(6.0).view(2, 3)
    tensors = {"a": shared, "transposed": shared.T, "count": torch.tensor(7)}
    save_weights(path, tensors, {"seed": "1"})
    loaded = load_weights(path, {"seed": "1"})
    assert loaded.keys() == tensors.keys()
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)
    with pytest.raises(CheckpointError, match="seed is '1' there, '2' here; delete the file"):
        load_weights(path, {"seed": "2"})


def test_of_a_damaged_checkpoint_the_one_before_is_used(tmp_path):
    path, told = tmp_path / "state", []
    saved(path, 1, 2, 3)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["state", "state.previous"]
    damaged(path)
    assert load_checkpoint(path, told.append) == {"epoch": 2}
    assert told == [f"checkpoint {path} is damaged; state.previous before it is used instead"]
    damaged(path.with_name("state.previous"))
    with pytest.raises(CheckpointError, match=r"state\.previous is damaged"):
        load_checkpoint(path)


def test_where_both_are_damaged_nothing_is_deleted(tmp_path):
    path = tmp_path / "state"
    saved(path, 1, 2)
    damaged(path)
    damaged(path.with_name("state.previous"))
    with pytest.raises(CheckpointError, match="state is damaged; delete it"):
        load_checkpoint(path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["state", "state.previous"]


@pytest.mark.parametrize("sound", [True, False])
def test_a_checkpoint_that_cannot_be_written_leaves_what_is_sound(tmp_path, sound):
    path = tmp_path / "state"
    saved(path, 1, 2)
    if not sound:  # it never takes the place of the one before it
        damaged(path)
        assert load_checkpoint(path) == {"epoch": 1}
    with refusing("os.fsync", errno.EIO), pytest.raises(RunError, match="state cannot be written"):
        saved(path, 3)
    assert load_checkpoint(path) == {"epoch": 2 if sound else 1}
    saved(path, 3)
    damaged(path)
    assert load_checkpoint(path) == {"epoch": 2 if sound else 1}


def test_a_checkpoint_that_cannot_be_read_or_deleted_is_named(tmp_path):
    path = tmp_path / "state"
    saved(path, 1)
    refused = pytest.raises(RunError, match=r"state cannot be (read \(In|deleted)")
    with refusing("Path.read_bytes", errno.EIO), refused:
        load_checkpoint(path)
    with refusing("Path.unlink", errno.EROFS), refused:
        remove_checkpoint(path)


def test_a_crash_between_two_checkpoints_leaves_the_earlier_one(tmp_path, monkeypatch):
    path, replace = tmp_path / "state", Path.replace
    saved(path, 1)

    def crash(self, target):
        if ".part." in self.name:
            raise OSError(errno.EIO, "gone")
        return replace(self, target)

    with monkeypatch.context() as patch, pytest.raises(RunError, match="gone"):  # noqa: PT012
        patch.setattr("evo_nas.core.files.Path.replace", crash)
        saved(path, 2)
    assert [file.name for file in tmp_path.iterdir()] == ["state.previous"]
    assert load_checkpoint(path) == {"epoch": 1}
    remove_checkpoint(path)
    assert not list(tmp_path.iterdir())
    assert load_checkpoint(path) is None


@pytest.mark.parametrize("part", ["tensors", "metadata", "end"])
def test_damaged_weights_are_told(tmp_path, part):
    path = tmp_path / "net.safetensors"
    save_weights(path, {"a": torch.arange(6.0), "count": torch.tensor(7)}, {"seed": "1"})
    if part == "end":
        path.write_bytes(path.read_bytes()[:-4])
    else:
        damaged(path, -1 if part == "tensors" else path.read_bytes().index(b'"seed":"1"') + 8)
    with pytest.raises(CheckpointError, match=r"net.safetensors are damaged.*delete the file"):
        load_weights(path)


def test_weights_of_other_programs_need_no_digest(tmp_path):
    path = tmp_path / "net.safetensors"
    save_file({"a": torch.zeros(2, dtype=torch.bfloat16)}, path)
    assert load_weights(path)["a"].dtype == torch.bfloat16


def test_equal_weights_are_equal_files_whatever_order_they_came_in(tmp_path):
    about = {f"key {i}": "value" for i in range(8)}
    tensors = {"b": torch.ones(3), "a": torch.zeros(2)}
    save_weights(tmp_path / "one", tensors, about)
    save_weights(tmp_path / "other", dict(reversed(tensors.items())), dict(reversed(about.items())))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
