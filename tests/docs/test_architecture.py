"""The map, the tree and the public names say the same as the code."""

from __future__ import annotations

import ast
import importlib
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
API = ROOT / "docs" / "api.md"
MAP = ROOT / "ARCHITECTURE.md"
WORDS = 800  # of the map, at most
MODULES = 13  # that a folder shows, at most

HERE = MAP.is_file() and API.is_file()
pytestmark = pytest.mark.skipif(not HERE, reason="tested away from the repository")

PACKAGES = {
    "analysis", "callbacks", "cli", "core", "data", "evaluation", "results", "sampling", "search",
    "space", "strategies", "testing", "training",
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


@pytest.mark.parametrize("folder", [str(folder) for folder in FOLDERS])
def test_no_folder_shows_more_modules_than_a_reader_takes_in(folder: str) -> None:
    names = [path.name for path in (ROOT / folder).glob("*.py") if path.name != "__init__.py"]
    assert len(names) <= MODULES, names


def test_every_folder_of_modules_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    installed = set(project["tool"]["setuptools"]["packages"])
    for folder in FOLDERS:
        name = ".".join(folder.parts)
        assert (name if folder.parts[0] == "evo_nas" else f"evo_nas.{name}") in installed


# -- the map -------------------------------------------------------------------------------------


def tree_and_text() -> tuple[list[str], str]:
    """The lines of the map's tree, and all that follows it."""
    _, tree, text = MAP.read_text(encoding="utf-8").split("```\n")
    return tree.splitlines(), text


def test_the_map_is_on_one_screen() -> None:
    assert len(MAP.read_text(encoding="utf-8").split()) <= WORDS


def test_the_map_shows_every_package_and_folder_of_its_tree() -> None:
    lines, _ = tree_and_text()
    shown = {line.split()[0].rstrip("/") for line in lines if line.startswith("  ")}
    assert PACKAGES | {"api.py", "errors.py"} == shown
    for line in lines:
        first, *words = line.split()
        folder = ROOT / ("evo_nas" if line.startswith("  ") else "") / first
        assert folder.exists(), line
        for word in words:
            name = word.strip(",;()")
            assert not name.endswith("/") or (folder / name).is_dir(), f"{name} of {line}"


NAMED = (
    re.findall(r"`([\w./]+(?:/|\.py)(?::[\w.]+)?)`", tree_and_text()[1]) if MAP.is_file() else []
)


@pytest.mark.parametrize("named", sorted(set(NAMED)))
def test_what_the_map_names_exists(named: str) -> None:
    place, _, name = named.partition(":")
    path = next((p for p in (ROOT / "evo_nas" / place, ROOT / place) if p.exists()), None)
    assert path is not None, f"there is no {place}"
    if name:
        assert name in names_of(path), f"{place} has no {name}"


def names_of(path: Path) -> set[str]:
    """The functions and classes of a module, and the methods of these."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            methods = (n for n in node.body if isinstance(n, ast.FunctionDef))
            names |= {f"{node.name}.{method.name}" for method in methods}
    return names


# -- decisions -----------------------------------------------------------------------------------

DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_and_the_code_that_it_explains_name_each_other(page: Path) -> None:
    code = re.search(r"^Code: `(\S+)`$", page.read_text(encoding="utf-8"), re.M)
    assert code is not None
    assert f"docs/decisions/{page.name}" in (ROOT / code[1]).read_text(encoding="utf-8")
    assert f"decisions/{page.name}" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
