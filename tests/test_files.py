import errno

import pytest
import torch
from safetensors.torch import save_file

from evo_nas.errors import CheckpointError, RunError
from evo_nas.files import (
    HEADER_BYTES,
    load_checkpoint,
    load_weights,
    remove_checkpoint,
    save_checkpoint,
    save_weights,
    write_atomically,
)

STATE = {"epoch": 3, "network": {"weight": torch.arange(6.0).view(2, 3)}, "groups": [{"lr": 0.1}]}


def test_writes_and_replaces_whole_files(tmp_path):
    path = tmp_path / "file"
    for content in (b"one", b"another"):
        write_atomically(path, content)
        assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def fail(descriptor):
        raise OSError("disk full")

    monkeypatch.setattr("evo_nas.files.os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    path = tmp_path / "state"
    assert load_checkpoint(path) is None
    save_checkpoint(path, STATE)
    state = load_checkpoint(path)
    assert torch.equal(state.pop("network")["weight"], STATE["network"]["weight"])
    assert state == {"epoch": 3, "groups": [{"lr": 0.1}]}


@pytest.mark.parametrize("length", [0, 4, HEADER_BYTES, HEADER_BYTES + 1, -1])
def test_a_truncated_checkpoint_is_told(tmp_path, length):
    path = tmp_path / "state"
    save_checkpoint(path, STATE)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(CheckpointError, match="state is damaged; delete it, and the run repeats"):
        load_checkpoint(path)


@pytest.mark.parametrize("place", [0, HEADER_BYTES - 1, HEADER_BYTES, -1])
def test_a_flipped_bit_is_told(tmp_path, place):
    path = tmp_path / "state"
    save_checkpoint(path, STATE)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
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


def test_damaged_weights_are_told(tmp_path):
    path = tmp_path / "net.safetensors"
    save_weights(path, {"a": torch.zeros(3)})
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(CheckpointError, match=r"net.safetensors are damaged .* delete the file"):
        load_weights(path)


def damage(path, place=-1):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_of_a_damaged_checkpoint_the_one_before_is_used(tmp_path):
    path, told = tmp_path / "state", []
    for epoch in (1, 2, 3):
        save_checkpoint(path, {"epoch": epoch})
    assert sorted(file.name for file in tmp_path.iterdir()) == ["state", "state.previous"]
    damage(path)
    assert load_checkpoint(path, told.append) == {"epoch": 2}
    assert told == [f"checkpoint {path} is damaged; state.previous before it is used instead"]
    damage(path.with_name("state.previous"))
    with pytest.raises(CheckpointError, match="state is damaged"):
        load_checkpoint(path)


def test_a_crash_between_two_checkpoints_leaves_the_earlier_one(tmp_path, monkeypatch):
    path = tmp_path / "state"
    save_checkpoint(path, {"epoch": 1})

    def fail(descriptor):
        raise OSError("disk full")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="disk full"):  # noqa: PT012
        patch.setattr("evo_nas.files.os.fsync", fail)
        save_checkpoint(path, {"epoch": 2})
    assert load_checkpoint(path) == {"epoch": 1}
    remove_checkpoint(path)
    assert not list(tmp_path.iterdir())
    assert load_checkpoint(path) is None


@pytest.mark.parametrize("part", ["tensors", "metadata"])
def test_a_flipped_bit_in_weights_is_told(tmp_path, part):
    path = tmp_path / "net.safetensors"
    save_weights(path, {"a": torch.arange(6.0), "count": torch.tensor(7)}, {"seed": "1"})
    place = -1 if part == "tensors" else path.read_bytes().index(b'"seed":"1"') + 8
    damage(path, place)
    with pytest.raises(CheckpointError, match=r"are damaged.*delete the file"):
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


def test_a_full_disk_is_told_and_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def fail(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("evo_nas.files.os.fsync", fail)
    with pytest.raises(RunError, match="file cannot be written, the disk is full; free some space"):
        write_atomically(path, b"new")
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"old"]
