"""What modules held when they were imported, whoever imported them, and when."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from evo_nas.core.contents import digest
from evo_nas.core.plugins import imports
from evo_nas.core.plugins.digests import code_of
from evo_nas.errors import SpecError

OLD, NEW = "VALUE = 1\n\ndef score(options):\n    return VALUE\n", "VALUE = 2\n"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package ``mine``, of which ``mine.deep`` is imported."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "deep.py").write_text("from .base import *\n")
    (folder / "base.py").write_text(OLD)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("mine.deep")
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "mine"]:
        del sys.modules[name]


def unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if all had been imported before evo-nas."""
    monkeypatch.setattr(imports, "_held", {})


@pytest.mark.parametrize("name", ["__init__.py", "base.py", "deep.py"])
def test_an_edited_module_of_a_plug_in_is_refused_and_named(package: Path, name: str) -> None:
    before = code_of("evaluator", "mine.deep:score")
    (package / name).write_text(NEW)
    assert imports.held()[str(package / name)] == before[f"mine/{name}"].digest
    with pytest.raises(SpecError) as refused:
        code_of("evaluator", "mine.deep:score")
    assert str(refused.value).startswith(f"{package / name} was edited after Python had imported")
    assert "restart Python" in str(refused.value)


def test_what_is_brought_back_or_touched_is_what_it_was(package: Path) -> None:
    before = code_of("evaluator", "mine.deep:score")
    (package / "base.py").write_text(NEW)
    (package / "base.py").write_text(OLD)
    os.utime(package / "deep.py")
    assert code_of("evaluator", "mine.deep:score") == before


def test_neither_size_nor_time_need_tell_versions_apart(package: Path) -> None:
    at = (package / "base.py").stat()
    (package / "base.py").write_text(OLD.replace("1", "2"))
    os.utime(package / "base.py", ns=(at.st_atime_ns, at.st_mtime_ns))
    with pytest.raises(SpecError, match=r"base\.py was edited"):
        code_of("evaluator", "mine.deep:score")


def test_a_plug_in_in_a_file_is_refused_for_what_python_keeps(
    tmp_path: Path, package: Path
) -> None:
    file = tmp_path / "plugin.py"
    file.write_text("import mine.base\n\ndef score(options):\n    return mine.base.VALUE\n")
    spec = f"{file}:score"
    code_of("evaluator", spec)
    (package / "base.py").write_text(NEW)
    with pytest.raises(SpecError, match=r"base\.py was edited"):
        code_of("evaluator", spec)


def test_asking_for_a_module_is_no_import_and_reloading_it_is_one(package: Path) -> None:
    base = package / "base.py"
    base.write_text(NEW)
    for finder in sys.meta_path:
        finder.find_spec("mine.base", [str(package)])
    importlib.util.find_spec("mine.base")
    assert imports.held()[str(base)] == digest(OLD.encode())
    importlib.reload(sys.modules["mine.base"])
    assert imports.held()[str(base)] == digest(NEW.encode())


def without_bytecode(base: Path) -> None:
    """As where it cannot be written."""
    Path(importlib.util.cache_from_source(str(base))).unlink()


def test_what_was_imported_before_is_known_if_its_file_is_older_than_the_process(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unseen(monkeypatch)
    without_bytecode(package / "base.py")
    monkeypatch.setattr(imports, "_BEGAN", (package / "base.py").stat().st_ctime + 1)
    assert imports.held()[str(package / "base.py")] == digest(OLD.encode())


def test_else_its_bytecode_tells(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base, edited = package / "base.py", package / "deep.py"
    unseen(monkeypatch)
    edited.write_text(NEW)
    assert imports.held()[str(base)] == digest(OLD.encode())
    assert imports.held()[str(edited)] == imports.EDITED
    unseen(monkeypatch)
    without_bytecode(base)
    assert imports.held()[str(base)] == imports.EDITED
    with pytest.raises(SpecError, match="restart Python"):
        code_of("evaluator", "mine.deep:score")


@pytest.mark.parametrize("checked", [True, False])
def test_so_does_bytecode_that_knows_its_source_by_a_hash(
    package: Path, checked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import py_compile

    base = package / "base.py"
    mode = py_compile.PycInvalidationMode
    py_compile.compile(
        str(base), invalidation_mode=mode.CHECKED_HASH if checked else mode.UNCHECKED_HASH
    )
    unseen(monkeypatch)
    assert imports.held()[str(base)] == digest(OLD.encode())
    base.write_text(OLD.replace("1", "2"))
    unseen(monkeypatch)
    assert imports.held()[str(base)] == imports.EDITED


def test_what_is_ours_installed_or_a_script_is_not_looked_at() -> None:
    import evo_nas.errors

    held = imports.held()
    assert evo_nas.errors.__file__ not in held
    assert not any("site-packages" in file for file in held)
    assert getattr(sys.modules["__main__"], "__file__", None) not in held
    assert str(Path(__file__)) in held
