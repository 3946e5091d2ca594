"""The map, the tree and the public names say the same as the code."""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
API = ROOT / "docs" / "api.md"

pytestmark = pytest.mark.skipif(not API.is_file(), reason="tested away from the repository")

PACKAGES = {
    "analysis", "cli", "core", "data", "evaluation", "results", "sampling", "search", "space",
    "strategies", "testing", "training",
}  # fmt: skip
FOLDERS = [
    path.parent.relative_to(ROOT)
    for top in ("evo_nas", "spaces", "evaluators")
    for path in sorted((ROOT / top).rglob("__init__.py"))
]


def documented() -> dict[str, list[str]]:
    """From each package of docs/api.md to the names that its section shows."""
    shown = re.compile(r"^::: (\S+)\n(?: .*\n)*? +members: \[(.*)\]$", re.M)
    found = shown.finditer(API.read_text(encoding="utf-8"))
    return {section[1]: section[2].split(", ") for section in found}


def with_public_names() -> list[str]:
    return [
        ".".join(folder.parts)
        for folder in FOLDERS
        if folder.parts[0] == "evo_nas"
        and re.search("^__all__", (ROOT / folder / "__init__.py").read_text("utf-8"), re.M)
    ]


def test_each_package_has_public_names() -> None:
    assert {f"evo_nas.{package}" for package in PACKAGES} <= set(with_public_names())


@pytest.mark.parametrize("package", with_public_names())
def test_public_names_are_those_of_the_reference(package: str) -> None:
    module = importlib.import_module(package)
    assert module.__all__ == sorted(module.__all__)
    assert documented()[package] == module.__all__
    for name in module.__all__:
        assert getattr(module, name) is not None


def test_beside_the_packages_there_are_five_files() -> None:
    entries = {path.name for path in (ROOT / "evo_nas").iterdir()} - {"__pycache__"}
    assert entries == PACKAGES | {"__init__.py", "__main__.py", "api.py", "errors.py", "py.typed"}


def test_every_folder_of_modules_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    installed = set(project["tool"]["setuptools"]["packages"])
    for folder in FOLDERS:
        name = ".".join(folder.parts)
        assert (name if folder.parts[0] == "evo_nas" else f"evo_nas.{name}") in installed
