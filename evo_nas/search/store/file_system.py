"""What a folder lies on: whether other machines may have it, too, and whom its locks keep out.

Why: docs/decisions/057-shared-storage.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")  # of Linux; see proc_pid_mountinfo(5)
_SHARED = {
    "9p", "afs", "beegfs", "ceph", "cifs", "gfs2", "glusterfs", "gpfs", "lustre", "nfs", "nfs4",
    "ocfs2", "orangefs", "panfs", "pvfs2", "smb3", "virtiofs", "wekafs",
}  # fmt: skip
_LOCAL_LOCKS = {"local_lock=all", "local_lock=flock", "localflock", "nolock"}
_LOCKLESS = {"fuse.rclone", "fuse.s3fs", "fuse.sshfs"}  # the kernel locks for them, on one machine


@dataclass(frozen=True, slots=True)
class FileSystem:
    """The kind of a mounted file system, as "nfs4", and the options that it is mounted with."""

    kind: str = ""
    options: frozenset[str] = frozenset()

    @property
    def shared(self) -> bool:
        """Whether other machines may have it, too; of FUSE's in doubt they may."""
        fuse = self.kind.startswith("fuse.") and self.kind != "fuse.fuse-overlayfs"
        return fuse or self.kind in _SHARED

    @property
    def locks_on_one_machine(self) -> bool:
        """Whether a lock keeps out only processes of the same machine."""
        return self.shared and (self.kind in _LOCKLESS or bool(self.options & _LOCAL_LOCKS))


def file_system_of(path: Path) -> FileSystem:
    """What a path lies on, or would; of no kind where the system does not tell."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        place = path.resolve()
    except OSError:
        return FileSystem()
    found, deepest = FileSystem(), -1
    for line in lines:
        mount, _, about = line.partition(" - ")
        point, own = mount.split(" ")[4:6]
        kind, _, *others = about.split(" ")
        folder = Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), point))
        # Of two at one place the later one hides the other.
        if place.is_relative_to(folder) and len(folder.parts) >= deepest:
            options = frozenset(",".join([own, *others]).split(","))
            found, deepest = FileSystem(kind, options), len(folder.parts)
    return found
