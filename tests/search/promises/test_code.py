"""A run has one version of its code, or says which came when."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import evo_nas
from evo_nas.analysis.comparison.protocol import make_runs, plan_comparison
from evo_nas.analysis.correlation import trust
from evo_nas.core.plugins.digests import Part, code_of
from evo_nas.core.progress import Silent
from evo_nas.errors import RunError, SpecError
from evo_nas.results.result import Result
from evo_nas.search.promises import code
from evo_nas.search.store.store import Store
from tests.kit.runs import TABLE, Interruption, Listener, stop_after, stopped

EVALUATOR = """
import scale
from evo_nas.evaluation import Evaluator

class Mine(Evaluator):
    needs_data = False
    retrainer = "tests.kit.plugins:Lookup"

    def open(self, space, context):
        self.space = space

    def evaluate(self, genome):
        return {"accuracy": scale.SCALE * sum(self.space.lift(genome)) / 100}
"""
SPACE = """
from tests.kit.plugins import Tiny

class Mine(Tiny):
    pass
"""


def plugins(folder: Path, text: str = EVALUATOR, **changes: Any) -> dict[str, Any]:
    """The options of a run with plug-ins from files, which are written."""
    for name, content in (("ev.py", text), ("space.py", SPACE), ("scale.py", "SCALE = 1\n")):
        (folder / name).write_text(content)
    return {
        "space": f"{folder / 'space.py'}:Mine?blocks=3", "evaluator": f"{folder / 'ev.py'}:Mine",
        "flops": "100..400", "strategy": "random_search", "samples": 8, "population": 4,
        "finalists": 2, "jobs": 1, "run_dir": folder / "run", **changes,
    }  # fmt: skip


def started(folder: Path, text: str = EVALUATOR, **changes: Any) -> Path:
    """A run that was stopped after five evaluations."""
    stopped(5, evo_nas.run, **plugins(folder, text, **changes))
    return folder / "run"


def notes(result: Result) -> list[str]:
    return result.notes.get("run", [])


def comment(path: Path) -> None:
    path.write_text(f"{path.read_text()}# edited\n")


@pytest.mark.parametrize("name", ["ev.py", "scale.py", "space.py"])
def test_an_edit_is_refused_and_named_and_noted_once_accepted(tmp_path: Path, name: str) -> None:
    run = started(tmp_path)
    comment(tmp_path / name)
    with pytest.raises(RunError) as refused:
        evo_nas.resume(run)
    said = str(refused.value)
    assert str(tmp_path / name) in said
    assert said.endswith(f"accept that: evo-nas resume {run} --accept-changes")
    assert "\n" not in said
    listener = Listener()
    result = evo_nas.resume(run, listener, accept_changes=True)
    role = "space" if name == "space.py" else "evaluator"
    (note,) = notes(result)
    assert note.startswith(f"went on with other code after 5 evaluations: {name} of the {role} (")
    assert note in listener.heard
    assert result.best is not None


def test_the_same_code_goes_on_without_a_word(tmp_path: Path) -> None:
    run = started(tmp_path)
    content = (tmp_path / "ev.py").read_text()
    (tmp_path / "ev.py").unlink()
    (tmp_path / "ev.py").write_text(content)
    assert notes(evo_nas.resume(run)) == []


def test_what_an_evaluator_writes_itself_is_noted_and_not_refused(tmp_path: Path) -> None:
    writing = 'scores.json").write_text(str(genome))\n        return {'
    text = EVALUATOR.replace(
        "return {", f'__import__("pathlib").Path(__file__).with_name("{writing}'
    )
    run = started(tmp_path, text)
    (note,) = notes(evo_nas.resume(run))
    assert "scores.json of the evaluator, which it writes itself (" in note


def test_what_was_accepted_is_what_counts_from_then_on(tmp_path: Path) -> None:
    run = started(tmp_path)
    comment(tmp_path / "ev.py")
    stopped(1, evo_nas.resume, run, accept_changes=True)
    stopped(1, evo_nas.resume, run)
    comment(tmp_path / "ev.py")
    with pytest.raises(RunError, match=r"ev\.py"):
        evo_nas.resume(run)
    result = evo_nas.resume(run, accept_changes=True)
    assert [line.split(":")[0] for line in notes(result)] == [
        "went on with other code after 5 evaluations",
        "went on with other code after 7 evaluations",
    ]


def test_a_finished_run_is_read_whatever_its_code_is_now(tmp_path: Path) -> None:
    run = started(tmp_path)
    evo_nas.resume(run)
    comment(tmp_path / "ev.py")
    assert notes(evo_nas.resume(run)) == []


def test_a_table_is_part_of_the_code(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(TABLE)
    run = started(
        tmp_path, space=f"table?file={tmp_path / 'table.csv'}", evaluator="table", flops="25"
    )
    (tmp_path / "table.csv").write_text(TABLE.replace("0.11", "0.99"))
    with pytest.raises(RunError, match=r"table\.csv, code of the space, is not what it was"):
        evo_nas.resume(run)


def forgotten(store: Any) -> None:
    """As version 0.1.0 has left it."""
    with store._connection as connection:
        connection.execute("DELETE FROM facts WHERE key = 'code'")


def test_of_a_run_that_kept_nothing_that_is_noted(tmp_path: Path) -> None:
    run = started(tmp_path)
    store = Store(run / "run.sqlite")
    forgotten(store)
    store.close()
    comment(tmp_path / "ev.py")
    stopped(1, evo_nas.resume, run)
    comment(tmp_path / "ev.py")
    with pytest.raises(RunError, match="--accept-changes"):
        evo_nas.resume(run)
    first, _ = notes(evo_nas.resume(run, accept_changes=True))
    assert first.startswith("nothing is known of the code that the run began with: ")
    assert "ev.py" in first


@pytest.mark.parametrize(
    ("name", "edit"),
    [("ev.py", comment), ("scale.py", lambda path: path.write_text("SCALE = 2\n"))],
)
def test_failures_are_tried_again_with_a_mended_evaluator_alone(
    tmp_path: Path, name: str, edit: Callable[[Path], object]
) -> None:
    run = started(tmp_path)
    (tmp_path / "space.py").write_text(f"{SPACE}# edited\n")
    edit(tmp_path / name)
    with pytest.raises(RunError, match=r"space\.py, code of the space"):
        evo_nas.resume(run, retry_failed=True)
    (tmp_path / "space.py").write_text(SPACE)
    (note,) = notes(evo_nas.resume(run, retry_failed=True))
    assert f": {name} of the evaluator (" in note


def test_changes_of_a_finished_run_may_be_accepted_to_look_further_at_it(tmp_path: Path) -> None:
    run = started(tmp_path)
    evo_nas.resume(run)
    comment(tmp_path / "space.py")
    with pytest.raises(RunError, match="--accept-changes"):
        trust(run, genomes=4)
    (note,) = notes(evo_nas.resume(run, accept_changes=True))
    assert "space.py" in note
    assert trust(run, genomes=4).networks


@pytest.mark.slow
def test_a_report_of_trust_has_one_version_of_its_evaluator(tmp_path: Path) -> None:
    run = started(tmp_path)
    evo_nas.resume(run)
    (tmp_path / "other.py").write_text("def score(options):\n    return len(options)\n")
    against = f"python?function={tmp_path / 'other.py'}:score"
    trust(run, genomes=4, against=against)
    trust(run, genomes=5, against=against)
    comment(tmp_path / "other.py")
    with pytest.raises(RunError, match=r"other\.py.* or remove .*trust\.sqlite, and all are sco"):
        trust(run, genomes=6, against=against)


def test_the_runs_of_a_comparison_have_one_version(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text("def score(options):\n    return len(options)\n")
    spec = f"python?function={tmp_path / 'other.py'}:score"
    planned, folder = plan_comparison(
        ["random_search", "spos"], seeds=1, protocol="paper", jobs=1, evaluator=spec,
        space="tests.kit.plugins:Tiny?blocks=2", flops="100..400", samples=4, population=2,
        retrainer=spec, finalists=1, run_dir=tmp_path / "compared",
    )  # fmt: skip
    planned.save(folder)
    with pytest.MonkeyPatch.context() as patch:
        stop_after(6, patch)
        with pytest.raises(Interruption):
            make_runs(folder, Silent())
    comment(tmp_path / "other.py")
    with pytest.raises(RunError, match=rf"other\.py.*evo-nas resume {folder} --accept-changes"):
        make_runs(folder, Silent())
    first, second = make_runs(folder, Silent(), accept_changes=True)
    assert all("other.py" in notes(each.result)[0] for each in (first, second))


def test_what_python_keeps_of_an_edited_module_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "imported_once.py"
    module.write_text(EVALUATOR.replace("import scale\n", "").replace("scale.SCALE", "1"))
    monkeypatch.syspath_prepend(tmp_path)
    run = started(tmp_path, evaluator="imported_once:Mine")
    comment(module)
    with pytest.raises(SpecError, match=r"imported_once\.py was edited .* restart Python"):
        evo_nas.resume(run)
    other = plugins(tmp_path, evaluator="imported_once:Mine", run_dir=tmp_path / "other")
    with pytest.raises(SpecError, match="restart Python"):
        evo_nas.run(**other)
    assert not (tmp_path / "other").exists()
    del sys.modules["imported_once"]  # as in a fresh Python
    with pytest.raises(RunError, match="--accept-changes"):
        evo_nas.resume(run)


class Editor(Listener):
    """Somebody who edits a file when three candidates have been scored."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file

    def advance(self, done: float, note: str = "") -> None:
        if done == 3:
            comment(self.file)


def test_a_program_that_is_edited_while_a_run_goes_on_ends_it(tmp_path: Path) -> None:
    program = tmp_path / "score.sh"
    program.write_text("#!/bin/sh\necho '{\"accuracy\": 0.5}'\n")
    program.chmod(0o755)
    given = plugins(
        tmp_path, evaluator=f"command?program={program}", retrainer="tests.kit.plugins:Lookup"
    )
    said = r"score\.sh, code of the run, was changed while it goes on.*run --accept-changes"
    with pytest.raises(RunError, match=said):
        evo_nas.run(progress=Editor(program), **given)
    assert len(evo_nas.load_result(tmp_path / "run").evaluations) == 3
    with pytest.raises(RunError, match="--accept-changes"):
        evo_nas.resume(tmp_path / "run")
    program.write_text(program.read_text().removesuffix("# edited\n"))
    assert notes(evo_nas.resume(tmp_path / "run")) == []


@pytest.mark.parametrize("name", ["scale.py", "ev.py", "space.py"])
def test_so_does_a_module_that_is_first_needed_then_but_none_that_runs_as_it_was(
    tmp_path: Path, name: str
) -> None:
    late = EVALUATOR.replace("import scale\n", "").replace(
        "        return", "        if sum(genome) < 0:\n            import scale\n        return"
    )
    given = plugins(tmp_path, late.replace("scale.SCALE", "1"))
    if name != "scale.py":
        assert notes(evo_nas.run(progress=Editor(tmp_path / name), **given)) == []
        return
    with pytest.raises(RunError, match=r"scale\.py, code of the run, was changed while it goes on"):
        evo_nas.run(progress=Editor(tmp_path / name), **given)


def test_a_table_that_changes_while_a_run_goes_on_is_noted_once(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text(TABLE)
    given = plugins(tmp_path, f"TABLE = 'table.csv'\n{EVALUATOR}")
    editor = Editor(table)
    result = evo_nas.run(progress=editor, **given)
    (note,) = notes(result)
    assert note == (
        "table.csv of the evaluator was changed after 3 evaluations: later ones may be others"
    )
    assert editor.heard.count(note) == 1


def test_code_is_read_once_when_a_run_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def asking(kind: str, spec: str) -> dict[str, Part]:
        asked.append(spec)
        return code_of(kind, spec)

    monkeypatch.setattr(code, "code_of", asking)
    started(tmp_path)
    assert len(asked) == 5  # space, strategy, evaluator, retrainer and data


def test_of_a_run_that_scored_nothing_its_code_is_what_it_is_now(tmp_path: Path) -> None:
    stopped(0, evo_nas.run, **plugins(tmp_path))
    store = Store(tmp_path / "run" / "run.sqlite")
    forgotten(store)
    store.close()
    comment(tmp_path / "ev.py")
    assert notes(evo_nas.resume(tmp_path / "run")) == []
