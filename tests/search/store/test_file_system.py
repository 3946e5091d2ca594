"""What a path lies on: as the system tells it, with nested and hidden mounts."""

from __future__ import annotations

from pathlib import Path

import pytest

from evo_nas.search.store import file_system
from evo_nas.search.store.file_system import FileSystem, file_system_of

MOUNTS = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw
23 22 0:40 / /home rw,nosuid shared:2 master:1 - nfs4 server:/home rw,vers=4.2,local_lock=none
24 23 0:41 / /home/with\040space rw - nfs server:/old rw,vers=3,local_lock=all
25 22 0:42 / /scratch rw - ext4 /dev/sdb rw
26 25 0:43 / /scratch rw - lustre 10.0.0.1@tcp:/fs rw,localflock
27 22 0:44 / /ssh rw - fuse.sshfs me@there: rw,user_id=0
28 22 0:45 / /layers rw - fuse.fuse-overlayfs fuse-overlayfs rw
"""


@pytest.fixture(autouse=True)
def _mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTS.lstrip())
    monkeypatch.setattr(file_system, "_MOUNTS", tmp_path / "mountinfo")


@pytest.mark.parametrize(
    ("path", "kind", "shared", "on_one_machine"),
    [
        ("/var/runs/a", "ext4", False, False),
        ("/homes/a", "ext4", False, False),
        ("/home/me/runs", "nfs4", True, False),
        ("/home/with space/runs", "nfs", True, True),
        ("/scratch/run", "lustre", True, True),
        ("/ssh/run", "fuse.sshfs", True, True),
        ("/layers/run", "fuse.fuse-overlayfs", False, False),
    ],
)
def test_a_path_lies_on_the_deepest_mount_and_of_two_on_the_later(
    path: str, kind: str, shared: bool, on_one_machine: bool
) -> None:
    found = file_system_of(Path(path))
    assert (found.kind, found.shared, found.locks_on_one_machine) == (kind, shared, on_one_machine)


def test_where_the_system_does_not_tell_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_system, "_MOUNTS", Path("/no/such/file"))
    assert file_system_of(Path("/home")) == FileSystem()
    assert not FileSystem().shared


def test_what_this_machine_tells_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    if Path("/proc/self/mountinfo").exists():
        assert file_system_of(tmp_path).kind
