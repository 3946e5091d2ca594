"""Plug-ins in files that are edited while Python goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import evo_nas
from evo_nas.core.plugins import modules, registry
from evo_nas.errors import SpecError
from evo_nas.evaluation.evaluator import Failure
from evo_nas.space.space import Space
from evo_nas.space.subspace import Subspace
from tests.kit.processes import at_work
from tests.kit.spaces import shallow_toml

SCORE = "def score(options):\n    return {value}\n"


def written(folder: Path, value: float) -> str:
    path = folder / "mine.py"
    path.write_text(SCORE.format(value=value))
    return f"python?function={path}:score"


def scores(spec: str, folder: Path, **changes: Any) -> set[float]:
    result = evo_nas.run(
        "tests.kit.plugins:Tiny?blocks=2", "100..400", strategy="random_search", samples=2,
        population=2, finalists=1, evaluator=spec, retrainer=spec, run_dir=folder, **changes,
    )  # fmt: skip
    return {evaluation.metrics["accuracy"] for evaluation in result.evaluations}


@pytest.mark.slow
def test_an_edited_file_counts_from_the_next_run_on(tmp_path: Path) -> None:
    # Of the same length and in the same second: neither size nor time tells them apart.
    assert scores(written(tmp_path, 0.1), tmp_path / "a", jobs=1) == {0.1}
    assert scores(written(tmp_path, 0.2), tmp_path / "b", jobs=1) == {0.2}
    assert scores(written(tmp_path, 0.3), tmp_path / "c", jobs=2) == {0.3}


def test_a_plug_in_finds_what_lies_beside_its_link(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "mine.py").write_text(
        "from pathlib import Path\n\ndef score(options):\n"
        "    return float(Path(__file__).with_name('value').read_text())\n"
    )
    (tmp_path / "value").write_text("0.25")
    (tmp_path / "mine.py").symlink_to("far/mine.py")
    evaluator = registry.load("evaluator", f"python?function={tmp_path}/mine.py:score")
    assert evaluator._function({}) == 0.25


def test_a_run_that_goes_on_keeps_what_it_began_with(tmp_path: Path) -> None:
    spec = written(tmp_path, 0.1)
    first = registry.load("evaluator", spec)
    written(tmp_path, 0.2)
    with modules.steady():
        one = registry.load("evaluator", spec)
        written(tmp_path, 0.3)
        again = registry.load("evaluator", spec)
        assert again._function is one._function
    assert [each._function({}) for each in (first, one)] == [0.1, 0.2]
    assert registry.load("evaluator", spec)._function({}) == 0.3


def check_noticed(
    spec: str, folder: Path, edit: Callable[[], object], said: str, space: Space | None = None
) -> None:
    """Workers that begin after an edit end the run; those before it do their work."""
    genome = (0,) * (len(space.choices) if space else 6)
    with at_work(spec, folder / "run", space, jobs=1, limit=60) as (_, workers, _):
        ((_, answer),) = workers.answers([genome])
        assert not isinstance(answer.outcome, Failure)
    with at_work(spec, folder / "other", space, jobs=1, limit=60) as (_, workers, _):
        edit()
        with pytest.raises(SpecError, match=said):
            list(workers.answers([genome]))


@pytest.mark.slow
def test_workers_that_would_begin_with_another_version_end_the_run(tmp_path: Path) -> None:
    said = r"mine\.py was changed while a run goes on"
    check_noticed(written(tmp_path, 0.1), tmp_path, lambda: written(tmp_path, 0.2), said)


WITH_HELPER = """
import sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).parent))
from {helper} import VALUE
sys.path.pop(0)

def score(options):
    return VALUE
"""


@pytest.mark.slow
def test_so_do_those_that_would_import_another_version_of_a_module_beside_it(
    tmp_path: Path,
) -> None:
    helper = f"helper_of_{tmp_path.name}".replace("-", "_")
    beside = tmp_path / f"{helper}.py"
    beside.write_text("VALUE = 0.1\n")
    (tmp_path / "mine.py").write_text(WITH_HELPER.format(helper=helper))
    spec = f"python?function={tmp_path}/mine.py:score"
    said = rf"{helper}\.py was changed .*in a fresh Python"
    check_noticed(spec, tmp_path, lambda: beside.write_text("VALUE = 0.2\n"), said)


@pytest.mark.slow
def test_so_do_those_that_would_read_another_version_of_a_space(tmp_path: Path) -> None:
    toml = tmp_path / "space.toml"
    toml.write_text(shallow_toml(heads="1, 2"))
    root = registry.load("space", str(toml))
    first = Subspace(root, {"block00.heads": 2})
    said = r"space\.toml was changed while a run goes on"
    edited = shallow_toml(heads="1, 3")
    check_noticed(written(tmp_path, 0.5), tmp_path, lambda: toml.write_text(edited), said, first)


def test_a_run_goes_by_what_was_read_when_it_began(tmp_path: Path) -> None:
    toml = tmp_path / "space.toml"
    toml.write_text(shallow_toml(heads="1, 2"))
    registry.load("space", str(toml))
    with modules.steady():
        began = modules.files()[str(toml)]
        toml.write_text(shallow_toml(heads="1, 3"))
        registry.load("space", str(toml))
        assert modules.files()[str(toml)] == began
    assert modules.files()[str(toml)] != began


def test_what_is_installed_or_elsewhere_is_no_part_of_a_plug_in(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import numpy\n\ndef score(options):\n    return 1\n")
    registry.load("evaluator", f"python?function={tmp_path}/mine.py:score")
    assert not [path for path in modules.files() if "site-packages" in path]
