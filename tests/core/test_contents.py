"""Digests of files, which are not read again in vain."""

from __future__ import annotations

from pathlib import Path

from evo_nas.core.contents import digest, digest_of


def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "file"
    assert digest_of(file) == "missing"
    for content in (b"1", b"2", b"1"):  # within one tick of the clock
        file.write_bytes(content)
        assert digest_of(file) == digest(content)
