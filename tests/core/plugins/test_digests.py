"""What belongs to the code of a plug-in, and that no other edit goes unseen."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from evo_nas.core.plugins.digests import code_of, own_sources
from tests.kit.spaces import shallow_toml

PLUGIN = """
from importlib import import_module
from pathlib import Path
{imports}

def score(options):
    return 1.0
"""


def names(kind: str, spec: str) -> set[str]:
    return set(code_of(kind, spec))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("helper.py", "package/__init__.py", "package/deep.py", "table.csv", "sets/t.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "package" / "deep.py").write_text("from .. import helper\nfrom . import other\n")
    (tmp_path / "package" / "other.py").write_text("import mine")  # in a circle
    return tmp_path


def mine(folder: Path, imports: str) -> str:
    (folder / "mine.py").write_text(PLUGIN.format(imports=imports))
    return f"python?function={folder / 'mine.py'}:score"


PACKAGE = {"package/__init__.py", "package/deep.py", "package/other.py", "helper.py"}


@pytest.mark.parametrize(
    ("imports", "found"),
    [
        ("import numpy, json", set()),
        ("import evo_nas.space", set()),
        ("import helper", {"helper.py"}),
        ("def late():\n    import helper", {"helper.py"}),
        ("try:\n    from helper import *\nexcept ImportError:\n    pass", {"helper.py"}),
        ("def late():\n    import_module('helper')", {"helper.py"}),
        ("def late():\n    __import__('helper')", {"helper.py"}),
        ("def late():\n    from . import helper", {"helper.py"}),
        ("def late():\n    import package.deep", PACKAGE),
        ("def late():\n    from package import deep", PACKAGE),
        ("def late():\n    from package.deep import helper", PACKAGE),
        ("HERE = Path(__file__).with_name('table.csv')", {"table.csv"}),
        ("HERE = Path(__file__).parent / 'sets' / 't.json'", {"sets/t.json"}),
        ("HERE = Path(__file__).parent / 'sets/t.json'", {"sets/t.json"}),
        ("HERE = 'package/deep.py'", PACKAGE - {"package/__init__.py"}),
        ("HERE = 'missing.csv'", set()),
    ],
)
def test_what_a_file_imports_and_names_belongs_to_it(
    folder: Path, imports: str, found: set[str]
) -> None:
    assert names("evaluator", mine(folder, imports)) == {"mine.py", *found}


def test_options_name_files_functions_programs_and_plugins(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = mine(folder, "import helper")
    both = {"mine.py", "helper.py"}
    assert names("space", f"table?file={folder / 'table.csv'}") == {"table.csv"}
    (folder / "mine.toml").write_text(shallow_toml())
    assert names("space", str(folder / "mine.toml")) == {"mine.toml"}
    assert names("evaluator", f"together?first={spec}&second=latency") == both
    assert names("evaluator", f"cascade?levels=zero_cost;{spec}") == both
    assert names("evaluator", f"tests.kit.plugins:Score?fault={folder / 'table.csv'}") >= {
        "table.csv", "tests/kit/plugins.py", "tests/kit/spaces.py", "tests/kit/__init__.py"
    }  # fmt: skip
    monkeypatch.chdir(folder)
    for program in (
        "python mine.py",
        "sh -c 'python mine.py | tail -1'",
        "python -u ./mine.py --x=1",
    ):
        assert names("evaluator", f"command?program={program}") == both
    assert names("evaluator", "command?program=python -m package.deep") == PACKAGE | {"mine.py"}
    script = folder / "score"
    script.write_text("#!/bin/sh\necho '{}'")
    script.chmod(0o755)
    assert names("evaluator", "command?program=./score") == {"score"}
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    assert names("evaluator", "command?program=score") == {"score"}


@pytest.mark.parametrize(
    ("script", "found"),
    [
        (
            "#!/bin/sh\ncd here\nexec python mine.py --t=table.csv",
            {"mine.py", "table.csv", *PACKAGE},
        ),
        ('#!/bin/bash\npython "$(dirname $0)/helper.py"', {"helper.py"}),
        ('D=$(dirname "$0")\npython $D/helper.py; python ${D}/mine.py', {"mine.py", *PACKAGE}),
        ("#!/bin/sh\npython helper.py > table.csv; cat table.csv", {"helper.py"}),
        ("#!/usr/bin/env python3\nimport helper", {"helper.py"}),
    ],
)
def test_scripts_consist_of_what_they_run(folder: Path, script: str, found: set[str]) -> None:
    mine(folder, "import package.deep")
    (folder / "score.sh").write_text(script)
    (folder / "score.sh").chmod(0o755)
    assert names("evaluator", f"command?program={folder}/score.sh") == {"score.sh", *found}


def test_files_in_options_of_programs_count(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert names("evaluator", "command?program=cat --table=table.csv") == {"table.csv"}


@pytest.mark.parametrize(
    ("kind", "spec"),
    [("space", "glit_hl"), ("evaluator", "supernet"), ("strategy", "nsga2"), ("data", "digits"),
     ("evaluator", "cascade?levels=zero_cost;train"), ("space", "nothing"), ("data", ".")],
)  # fmt: skip
def test_what_comes_with_evo_nas_is_known_by_its_version(kind: str, spec: str) -> None:
    assert code_of(kind, spec) == {}


def test_what_is_installed_is_known_by_its_version() -> None:
    assert code_of("evaluator", "pydantic:BaseModel").keys() == {"pydantic"}
    assert code_of("evaluator", "pydantic.fields:Field")["pydantic"].digest[0] in "23456789"


def test_what_has_no_file_is_said_to_be_not_known() -> None:
    assert code_of("evaluator", "builtins:len")["builtins"].digest == "not known"


@pytest.mark.parametrize(
    "edit",
    [
        lambda folder: (folder / "mine.py").write_text("def score(options):\n    return 2.0\n"),
        lambda folder: (folder / "package" / "other.py").write_text("x = 1"),
        lambda folder: (folder / "table.csv").write_bytes(b"\r"),
    ],
)
def test_an_edit_anywhere_changes_a_digest(folder: Path, edit: Callable[[Path], object]) -> None:
    spec = mine(folder, "def late():\n    from package import deep\n    open('table.csv')\n")
    before = code_of("evaluator", spec)
    assert code_of("evaluator", spec) == before
    edit(folder)
    assert code_of("evaluator", spec) != before


@pytest.mark.parametrize(
    ("code", "written"),
    [
        ("open('table.csv')", False),
        ("open(HERE / 'table.csv', 'rb')", False),
        ("open('table.csv', 'a')", True),
        ("(HERE / 'table.csv').open(mode='w')", True),
        ("(HERE / 'table.csv').write_text('')", True),
        ("FILE = HERE / 'table.csv'\nFILE.write_bytes(b'')", True),
        ("def __init__(self):\n    self.kept = 'table.csv'\n    save(it, self.kept)", True),
        ("frame.to_csv('table.csv')", True),
        ("open('log.txt', 'w').write(open('table.csv').read())", False),
        ("Path('log.txt').write_text(Path('table.csv').read_text())", False),
        ("held = load('table.csv')\nsave('log.npy', held)", False),
    ],
)
def test_what_code_writes_itself_is_told_apart(folder: Path, code: str, written: bool) -> None:
    spec = mine(folder, "def late():\n    " + code.replace("\n", "\n    "))
    assert code_of("evaluator", spec)["table.csv"].written is written


def test_the_same_code_elsewhere_is_the_same(folder: Path, tmp_path: Path) -> None:
    def digests(place: Path) -> dict[str, str]:
        code = code_of("evaluator", f"python?function={place / 'mine.py'}:score")
        return {name: part.digest for name, part in code.items()}

    mine(folder, "def late():\n    from package import deep\n")
    before = digests(folder)
    moved = folder.rename(tmp_path.with_name("moved"))
    assert digests(moved) == before
    folder.symlink_to(moved)
    assert digests(folder) == before


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    specs = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        specs.append(mine(tmp_path / name, ""))
    assert names("evaluator", f"together?first={specs[0]}&second={specs[1]}") == {
        "mine.py", "other/mine.py"
    }  # fmt: skip


def test_a_development_install_of_evo_nas_is_known_by_its_sources(tmp_path: Path) -> None:
    (tmp_path / "evo_nas").mkdir()
    source = tmp_path / "evo_nas" / "__init__.py"
    source.write_text("")
    before = own_sources([tmp_path / "evo_nas"])
    assert len(before) == 8
    assert own_sources([tmp_path / "evo_nas"]) == before
    source.write_text("x = 1")
    assert own_sources([tmp_path / "evo_nas"]) != before
    installed = tmp_path / "site-packages"
    (tmp_path / "evo_nas").rename(installed)
    assert own_sources([installed]) == ""
