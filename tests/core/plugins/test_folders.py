"""Modules beside a plug-in's file: its own, nobody else's, and read anew when they are edited."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from evo_nas.core.plugins import modules, registry
from evo_nas.core.plugins.specs import spec_of
from evo_nas.errors import SpecError


def written(folder: Path, **sources: str) -> Path:
    """The file mine.py of a folder with further files; ``__`` in a name is a folder's end."""
    for name, source in sources.items():
        file = folder / f"{name.replace('__', '/')}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)
    return folder / "mine.py"


def value(file: Path) -> Any:
    return registry.find("evaluator", f"{file}:score")()


SCORE = "\n\ndef score():\n    return {}\n"


@pytest.mark.parametrize(
    "source",
    [
        "import helper" + SCORE.format("helper.VALUE"),
        "from helper import VALUE" + SCORE.format("VALUE"),
        "from helper import *" + SCORE.format("VALUE"),
        "import helper as h" + SCORE.format("h.VALUE"),
        "from .helper import VALUE" + SCORE.format("VALUE"),
        "from . import helper" + SCORE.format("helper.VALUE"),
        "def score():\n    from helper import VALUE\n    return VALUE\n",
        "def score():\n    return __import__('helper').VALUE\n",
    ],
)
def test_a_module_beside_it_is_imported(tmp_path: Path, source: str) -> None:
    file = written(tmp_path, mine=source, helper="from other import VALUE\n", other="VALUE = 7\n")
    assert value(file) == 7
    assert not {"helper", "other", "mine"} & set(sys.modules)
    assert str(tmp_path) not in sys.path
    assert {*map(Path, modules.files())} >= {file, tmp_path / "helper.py", tmp_path / "other.py"}
    assert not list(tmp_path.rglob("__pycache__"))


@pytest.mark.parametrize(
    "source",
    [
        "import ops.wide" + SCORE.format("ops.wide.VALUE"),
        "import ops.wide as w" + SCORE.format("w.VALUE"),
        "from ops import wide" + SCORE.format("wide.VALUE"),
        "from ops.wide import VALUE" + SCORE.format("VALUE"),
    ],
)
@pytest.mark.parametrize("initial", [True, False])
def test_so_is_a_package_with_or_without_init(tmp_path: Path, source: str, initial: bool) -> None:
    more = {"ops____init__": "from . import base\n"} if initial else {}
    wide = "from .base import ONE\nfrom helper import TWO\nVALUE = ONE + TWO\n"
    file = written(
        tmp_path, mine=source, ops__wide=wide, ops__base="ONE = 1\n", helper="TWO = 2\n", **more
    )
    assert value(file) == 3


def test_modules_of_one_name_in_two_folders_are_two(tmp_path: Path) -> None:
    late = "def score():\n    import helper\n    return helper.VALUE\n"
    files = [
        written(tmp_path / name, mine=late, helper=f"VALUE = {name!r}\n") for name in ("a", "b")
    ]
    scores = [registry.find("evaluator", f"{file}:score") for file in files]
    assert [score() for score in scores] == ["a", "b"]


def test_what_is_installed_comes_first_and_sees_nothing_of_it(tmp_path: Path) -> None:
    source = "import random, numpy, torch, fvcore.nn" + SCORE.format("float(numpy.ones(2).sum())")
    broken = "raise RuntimeError('imported in vain')\n"
    names = ("random", "numpy", "typing", "torch", "fvcore", "data__x", "datasets__x")
    file = written(tmp_path, mine=source, **dict.fromkeys(names, broken))
    assert value(file) == 2


def test_a_module_of_the_folder_where_python_runs_is_not_taken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "here", helper="VALUE = 'here'\n")
    monkeypatch.syspath_prepend(tmp_path / "here")
    file = written(
        tmp_path / "a", mine="import helper" + SCORE.format("helper.VALUE"), helper="VALUE = 'a'\n"
    )
    assert value(file) == "a"


def test_a_file_may_have_the_name_of_what_it_imports(tmp_path: Path) -> None:
    file = written(tmp_path, mine="import fvcore.nn" + SCORE.format("fvcore.__name__"))
    assert value(file.rename(tmp_path / "fvcore.py")) == "fvcore"


def test_a_package_that_python_finds_by_itself_stays_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    source = "import own_package, own_module" + SCORE.format("own_package, own_module")
    file = written(tmp_path, mine=source, own_package____init__="", own_module="")
    package, module = value(file)
    assert package is importlib.import_module("own_package")
    assert module is not importlib.import_module("own_module")  # it is read anew when edited


def test_an_edited_module_is_read_anew_and_a_run_keeps_its_own(tmp_path: Path) -> None:
    source = "import helper" + SCORE.format("helper.VALUE")
    file = written(tmp_path, mine=source, helper="VALUE = 1\n")
    first = registry.find("evaluator", f"{file}:score")
    with modules.steady():
        assert value(file) == 1
        began = modules.files()[str(tmp_path / "helper.py")]
        written(tmp_path, helper="VALUE = 2\n")
        assert value(file) == 1
        assert modules.files()[str(tmp_path / "helper.py")] == began
    assert value(file) == 2
    assert first() == 1
    assert modules.files()[str(tmp_path / "helper.py")] != began


def test_plug_ins_of_one_folder_share_what_lies_there(tmp_path: Path) -> None:
    space = "from shared import Block\n\ndef score():\n    return Block\n"
    mine = "from shared import Block\nimport space\n\ndef score():\n    return Block\n"
    file = written(tmp_path, mine=mine, space=space, shared="class Block:\n    pass\n")
    assert value(file) is value(tmp_path / "space.py")


def test_modules_may_import_the_plug_in_that_imports_them(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        mine="class Base: pass\nimport helper" + SCORE.format("helper.Derived"),
        helper="from mine import Base\n\nclass Derived(Base): pass\n",
    )
    assert value(file).__mro__[1] is registry.find("evaluator", f"{file}:Base")


@pytest.mark.parametrize("name", ["my-space", "my.space.v2", "2nd", "class", "größe", "a b"])
def test_a_file_may_be_called_anything(tmp_path: Path, name: str) -> None:
    file = written(
        tmp_path, mine="import helper" + SCORE.format("helper.VALUE"), helper="VALUE = 7\n"
    )
    assert value(file.rename(tmp_path / f"{name}.py")) == 7


def test_a_link_finds_what_lies_beside_it_and_beside_what_it_leads_to(tmp_path: Path) -> None:
    source = "import helper, other" + SCORE.format("helper.VALUE + other.VALUE")
    file = written(tmp_path / "there", mine=source, helper="VALUE = 1\n")
    written(tmp_path / "here", other="VALUE = 2\n")
    link = tmp_path / "here" / "linked.py"
    link.symlink_to(file)
    assert value(link) == 3


def test_what_is_wrong_is_told_by_the_names_that_people_gave(tmp_path: Path) -> None:
    file = written(tmp_path, mine="from helper import NO" + SCORE.format(1), helper="")
    with pytest.raises(SpecError, match=r"cannot import name 'NO' from 'helper' .*mine.py, line 1"):
        value(file)
    file = written(tmp_path, mine="import ops.no" + SCORE.format(1), ops____init__="")
    with pytest.raises(SpecError, match=r"No module named 'ops.no' \(mine.py, line 1\)"):
        value(file)
    file = written(tmp_path, mine="import later" + SCORE.format("later.VALUE"))
    with pytest.raises(SpecError, match="No module named 'later'"):
        value(file)
    written(tmp_path, later="VALUE = 7\n")
    assert value(file) == 7


def test_a_class_from_beside_is_named_by_its_file(tmp_path: Path) -> None:
    helper = "from tests.kit.plugins import Tiny\n\nclass Mine(Tiny): pass\n"
    file = written(tmp_path, mine="from helper import Mine\n", helper=helper)
    mine = registry.find("space", f"{file}:Mine")
    assert spec_of("space", "space", mine) == f"{tmp_path}/helper.py:Mine"


TABLE = "from pathlib import Path\nHERE = Path(__file__)\n"


def test_a_table_that_was_read_on_import_is_read_anew_when_it_changes(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("1")
    source = f"{TABLE}VALUE = HERE.with_name('table.csv').read_text()\n"
    file = written(tmp_path, mine="import helper" + SCORE.format("helper.VALUE"), helper=source)
    assert value(file) == "1"
    with modules.steady():
        assert value(file) == "1"
        (tmp_path / "table.csv").write_text("2")
        assert value(file) == "1"
    assert value(file) == "2"


def test_what_a_file_writes_makes_no_new_version_of_it(tmp_path: Path) -> None:
    source = (
        f"{TABLE}\ndef score():\n    HERE.with_name('log.csv').write_text('1')\n    return score\n"
    )
    file = written(tmp_path, mine=source)
    (tmp_path / "log.csv").write_text("0")
    assert value(file) is value(file)
