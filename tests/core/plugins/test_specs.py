"""Plug-ins given as classes, functions and objects are found by specs, or refused in one line."""

from __future__ import annotations

import importlib
import runpy
from pathlib import Path
from typing import Any

import pytest

from evo_nas.core.plugins import registry
from evo_nas.core.plugins.specs import spec_of
from evo_nas.errors import SettingsError, SpecError
from evo_nas.space.space import Space
from tests.kit.plugins import Score, Tiny

MINE = """
from evo_nas.evaluation.evaluator import Evaluator
from evo_nas.space.space import Choice, Geometry
from tests.kit.plugins import Tiny


class Mine(Tiny):
    pass


class Plain(Tiny):
    def __init__(self):
        super().__init__(blocks=4)


def score(options):
    return len(options) / 10


def made():
    return Plain()


def nested():
    class Hidden(Tiny):
        pass
    return Hidden
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    name = f"mine_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module(name)


def test_classes_of_a_file_are_named_by_the_file(mine: Any) -> None:
    file = mine.__file__
    assert spec_of("space", "space", mine.Plain) == f"{file}:Plain"
    assert spec_of("space", "space", mine.made) == f"{file}:made"
    assert spec_of("space", "space", mine.Plain()) == f"{file}:Plain"
    loaded: Space = registry.load("space", spec_of("space", "space", mine.Plain))
    assert len(loaded.choices) == 12
    assert spec_of("space", "space", loaded) == f"{file}:Plain"


def test_classes_of_packages_are_named_by_their_module() -> None:
    assert spec_of("space", "space", Tiny) == "tests.kit.plugins:Tiny"
    assert spec_of("data", "data", Path("a/images")) == "a/images"
    assert spec_of("data", "data", Path("digits")) == "./digits"  # a path is no name
    with_options = registry.load("space", "tests.kit.plugins:Tiny?blocks=4")
    assert spec_of("space", "space", with_options) == "tests.kit.plugins:Tiny?blocks=4"


def test_a_function_of_one_argument_scores_and_one_of_none_makes_an_evaluator(mine: Any) -> None:
    file = mine.__file__
    assert spec_of("evaluator", "evaluator", mine.score) == f"python?function={file}:score"
    assert spec_of("evaluator", "evaluator", mine.made) == f"{file}:made"
    registry.load("evaluator", spec_of("evaluator", "evaluator", mine.score))


def test_what_no_process_could_find_again_is_refused_in_words(mine: Any) -> None:
    with pytest.raises(SettingsError, match=r"space is 'nested.*Hidden', which is in no file "):
        spec_of("space", "space", mine.nested())
    with pytest.raises(SettingsError, match=r"evaluator is .*<lambda>.*put it into a file"):
        spec_of("evaluator", "evaluator", lambda options: 0.5)
    with pytest.raises(SettingsError, match=r"an object of Score, .*'file.py:Score\?key=value'"):
        spec_of("evaluator", "evaluator", Score(pause=0.1))
    for wrong in (None, 3, ["a"]):
        with pytest.raises(SettingsError, match=r"strategy is .*; give a name"):
            spec_of("strategy", "strategy", wrong)
    with pytest.raises(SpecError, match=r"derive its class from evo_nas\.space\.Space"):
        registry.load("space", spec_of("space", "space", Score))


CALL = """
from evo_nas.core.plugins.specs import spec_of
from tests.kit.plugins import Tiny


class Own(Tiny):
    pass


"""


def test_a_script_may_give_its_own_classes_if_importing_it_begins_nothing(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    call = 'found = spec_of("space", "space", Own)\n'
    path.write_text(f'{CALL}if __name__ == "__main__":\n    {call}')
    assert runpy.run_path(str(path), run_name="__main__")["found"] == f"{path}:Own"
    hasty = tmp_path / "hasty.py"
    hasty.write_text(CALL + call)
    with pytest.raises(SettingsError, match="whenever it is imported"):
        runpy.run_path(str(hasty), run_name="__main__")
