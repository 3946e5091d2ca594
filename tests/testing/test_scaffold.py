"""`evo-nas new`: what it writes works by path, as tests, and installed."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

import evo_nas
from evo_nas.core.plugins import registry
from evo_nas.errors import SettingsError, SpecError
from evo_nas.testing import scaffold

RUN = {"samples": 8, "population": 4, "finalists": 1, "epochs": 1, "finalist_epochs": 1,
       "jobs": 1, "data": "digits?train=100&validation=50&test=50"}  # fmt: skip


def write(kind: str, folder: Path) -> scaffold.Package:
    return scaffold.write_package(kind, f"his_{kind}", folder / "made")


@pytest.mark.parametrize("kind", scaffold.KINDS)
def test_a_package_has_a_module_under_40_lines_and_all_carries_the_new_name(
    kind: str, tmp_path: Path
) -> None:
    package = write(kind, tmp_path)
    assert set(package.files) == {
        "pyproject.toml", "README.md", f"his_{kind}.py", f"test_his_{kind}.py"
    }  # fmt: skip
    assert {path.name for path in package.folder.iterdir()} == set(package.files)
    module = (package.folder / f"his_{kind}.py").read_text()
    assert len(module.splitlines()) < 40
    for path in package.folder.iterdir():
        text = path.read_text()
        assert f"his_{kind}" in text or f"His{kind.capitalize()}" in text
        assert f"my_{kind}" not in text
        assert f"My{kind.capitalize()}" not in text
    assert registry.load(kind, package.spec)


SETTINGS = {
    "space": {"flops": "25M", "evaluator": "zero_cost?scores=synflow&reference=4"},
    "evaluator": {},
    "strategy": {"evaluator": "zero_cost?scores=flops&reference=4"},
    "callback": {"evaluator": "tests.kit.plugins:Score"},
}


@pytest.mark.parametrize(
    "kind",
    [pytest.param(k, marks=[pytest.mark.slow] * (k == "space")) for k in scaffold.KINDS],
)
def test_a_package_runs_by_its_path(kind: str, tmp_path: Path) -> None:
    package = write(kind, tmp_path)
    key = "callbacks" if kind == "callback" else kind
    given = {
        "space": "tests.kit.plugins:Tiny", "flops": "100..300", "strategy": "spos",
        "retrainer": "tests.kit.plugins:Keep", **SETTINGS[kind], key: package.spec, **RUN,
    }  # fmt: skip
    result = evo_nas.run(run_dir=tmp_path / "run", **given)
    assert result.best is not None
    assert len([e for e in result.evaluations if e.phase == "search"]) == 8


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("My-Space", "my_space"),
        ("MySpace", "my_space"),
        ("2nd", "nd"),
        ("class", "class_space"),
        ("_", "my_space"),
        ("torch", "torch_space"),
        ("json", "json_space"),
        ("glit_hl", "another name"),
    ],
)
def test_names_that_cannot_be_are_told_with_one_that_can(
    name: str, better: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=better):
        scaffold.write_package("space", name, tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "file").write_text("mine")
    for taken in ("there", "file", "file/below"):
        with pytest.raises(SettingsError, match="nothing is overwritten"):
            scaffold.write_package("space", "fresh", tmp_path / taken)
    assert list((tmp_path / "there").iterdir()) == []


def test_a_wrong_kind_is_told(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="did you mean space"):
        scaffold.write_package("spaces", "fresh", tmp_path / "made")


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "XDG_CACHE_HOME": str(folder), "OMP_NUM_THREADS": "1"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", scaffold.KINDS)
def test_the_test_of_a_package_passes(kind: str, tmp_path: Path) -> None:
    package = write(kind, tmp_path)
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=package.folder, env=environment(tmp_path), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout
    assert " passed" in ended.stdout
    assert " failed" not in ended.stdout.splitlines()[-1]


@pytest.mark.slow
def test_installed_packages_are_found_by_name(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    # What is installed here is seen there too, so nothing has to be downloaded.
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    seen = tmp_path / "venv" / "lib" / version / "site-packages" / "here.pth"
    here = [sysconfig.get_path("purelib"), *(p for p in sys.path if p.endswith("site-packages"))]
    finders = list(Path(here[0]).glob("__editable__*evo_nas*.pth"))
    lines = [*dict.fromkeys(here), *(finder.read_text() for finder in finders)]
    seen.write_text("\n".join(lines) + "\n")
    # A venv of Python 3.11 has a setuptools of its own that is too old to build without wheel.
    building = {**os.environ, "PYTHONPATH": os.pathsep.join(reversed(here))}
    packages = [scaffold.write_package(k, f"his_{k}", tmp_path / k) for k in scaffold.KINDS]
    folders = [word for package in packages for word in ("-e", package.folder)]
    ended = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation",
         "--no-index", "--disable-pip-version-check", *folders],
        cwd=tmp_path, env=building, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ended.returncode != 0:
        pytest.skip(f"pip cannot build a package offline here: {ended.stderr.strip()[-200:]}")
    for package in packages:
        ended = subprocess.run(
            [python, "-m", "evo_nas", "check", package.kind, package.name],
            cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "passed" in ended.stdout
