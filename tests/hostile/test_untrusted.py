"""What comes from others is data: none of it runs, and nothing is written where it says."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import pickle
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from evo_nas import api
from evo_nas.analysis.accuracy_figure import read_points
from evo_nas.cli import app as cli
from evo_nas.core.plugins.places import code_in
from evo_nas.core.plugins.trusted_code import ALLOW, check_known
from evo_nas.errors import EvoNasError, RunError, SpecError
from evo_nas.results.page.run import write_report
from evo_nas.results.result import load_result
from evo_nas.results.trust_report import read_trust
from evo_nas.search.architectures import read_best
from evo_nas.search.config import Config
from evo_nas.search.run_folder import held
from evo_nas.search.store import schema
from evo_nas.search.store.checksums import seal
from evo_nas.space.architecture import read_architecture
from evo_nas.training.checkpoints import load_checkpoint
from evo_nas.training.recipe import load_recipe
from evo_nas.training.weights import load_weights, read_state_dict
from tests.hostile.fuzz.__main__ import contents, failures
from tests.kit.runs import make_run

ROOT = Path(__file__).resolve().parents[2]
# Who may read a pickle: bytes that this process, or its parent, has just made.
ALLOWED = {
    ("evo_nas/core/workers/shared.py", "pickle.loads"),  # a supernet, from the parent process
    ("evo_nas/core/workers/shared.py", "joblib.load"),  # what workers are given, by their parent
    ("evo_nas/testing/networks.py", "cloudpickle.loads"),  # a network that was just written
}
READERS = {
    "pickle.load", "pickle.loads", "pickle.Unpickler", "cloudpickle.load", "cloudpickle.loads",
    "joblib.load", "dill.load", "dill.loads", "marshal.load", "marshal.loads", "shelve.open",
    "pandas.read_pickle", "yaml.load", "yaml.unsafe_load", "eval", "exec", "compile", "os.system",
    "shutil.unpack_archive", "torch.hub.load", "torch.jit.load",
}  # fmt: skip
READ = (  # readers of whole files
    read_architecture, read_best, Config.read, load_checkpoint, load_weights, read_points,
    read_state_dict, lambda path: read_trust(path, ()), lambda path: load_recipe(f"{path}"),
)  # fmt: skip


def called(path: Path) -> set[tuple[str, ast.Call]]:
    return {
        (ast.unparse(node.func), node)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    }


@pytest.mark.skipif(not (ROOT / "evo_nas").is_dir(), reason="the sources are elsewhere")
def test_no_pickle_is_read_but_our_own() -> None:
    found = set()
    for folder in ("evo_nas", "spaces", "evaluators"):
        for path in (ROOT / folder).rglob("*.py"):
            place = str(path.relative_to(ROOT))
            for name, call in called(path):
                given = {k.arg: ast.unparse(k.value) for k in call.keywords}
                if name == "torch.load":
                    assert given.get("weights_only") == "True", place
                elif name in ("numpy.load", "np.load"):
                    assert given.get("allow_pickle", "False") == "False", place
                elif name in READERS:
                    found.add((place, name))
                assert given.get("shell", "False") == "False", place
                assert given.get("trust_remote_code", "False") == "False", place
    assert found == ALLOWED


class Malicious:
    """Touches a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.mark,)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    make_run(folder)
    return folder


def command(*arguments: str) -> int | str | None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["evo-nas", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    return ended.value.code


@pytest.mark.parametrize("made", ["pickle", "torch"])
def test_a_pickle_in_any_place_runs_nothing(
    run: Path, tmp_path: Path, made: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    mark, file = tmp_path / "mark", tmp_path / "file"
    if made == "pickle":
        file.write_bytes(pickle.dumps(Malicious(mark)))
    else:
        torch.save({"model": Malicious(mark)}, file)
    for suffix in ("", ".pth", ".toml", ".json", ".csv", ".safetensors"):
        copy = Path(shutil.copy(file, tmp_path / f"input{suffix}"))
        for read in READ:
            with pytest.raises(EvoNasError):
                read(copy)
        for words in (["space", f"table?file={copy}"], ["convert", "glit_tiny", f"{copy}", "o"]):
            assert command(*words) == 2
    for name in ("config.toml", "run.sqlite", "best.json", "run.lock", "trust-x.json"):
        folder = Path(shutil.copytree(run, tmp_path / f"run-{name}"))
        shutil.copy(file, folder / name)
        for words in (["show"], ["report"], ["trust", "--quiet"], ["resume", "--quiet"]):
            command_ended = command(*words, str(folder))
            assert command_ended in (0, 2)
    assert not mark.exists()
    pickle.loads(pickle.dumps(Malicious(mark)))
    assert mark.exists(), "it would have been seen"


# -- code that files name -------------------------------------------------------------------------


def test_a_file_runs_no_code_that_was_not_named_here(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ALLOW)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    mark = tmp_path / "mark"
    (tmp_path / "own.py").write_text(f"open({str(mark)!r}, 'w')")
    for spec in (f"os:system?command=touch {mark}", f"{tmp_path}/own.py:Space"):
        path = tmp_path / "a.json"
        path.write_text(json.dumps({"space": spec, "genome": [0]}))
        folder = Path(shutil.copytree(run, tmp_path / "run"))
        text = (folder / "config.toml").read_text()
        (folder / "config.toml").write_text(
            f"space = {json.dumps(spec)}\n{text.partition(chr(10))[2]}"
        )
        for words in (["show", str(path)], ["costs", str(path)], ["show"], ["report"], ["resume"]):
            assert command(*(words if len(words) == 2 else [*words, str(folder)])) == 2
        shutil.rmtree(folder)
    assert not mark.exists()


def test_code_that_a_user_has_named_is_known_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ALLOW)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with pytest.raises(SpecError, match=f"a.json would run code .*Tiny.*{ALLOW}=1"):
        check_known(["tests.kit.plugins:Tiny?blocks=4"], Path("a.json"))
    api.run(
        "tests.kit.plugins:Tiny?blocks=4", "250..400", evaluator="tests.kit.plugins:Lookup",
        retrainer="tests.kit.plugins:Lookup", samples=4, population=2, run_dir=tmp_path / "run",
    )  # fmt: skip
    assert load_result(tmp_path / "run").best is not None
    check_known(["tests.kit.plugins:Tiny"], Path("a.json"))


def test_code_is_found_in_options_and_specs_within_specs() -> None:
    inner = "python%3Ffunction%3Dx.py%253Af"
    assert list(code_in(f"together?first={inner}&second=table")) == [f"{Path.cwd()}/x.py:f"]
    assert list(code_in(f"cascade?levels=a.py:b;{inner};table")) == [
        f"{Path.cwd()}/{name}" for name in ("a.py:b", "x.py:f")
    ]
    assert list(code_in("together?first=command?program=a;b&second=table")) == ["a;b"]
    assert list(code_in("command?program=rm+-r+x")) == ["rm -r x"]
    assert list(code_in("glit_hl")) == list(code_in("supernet?run=/tmp/x")) == []


# -- nothing is written elsewhere -----------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["run.lock", "checkpoints", "finalists", "trust.sqlite", "report.html"]
)
def test_links_out_of_a_run_folder_are_refused(run: Path, tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(run, tmp_path / "inside" / "run"))
    outside = tmp_path / "outside"
    outside.write_text("precious")
    place = folder / name
    shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
    place.symlink_to(outside)
    before = contents(tmp_path, folder)
    for words in (["show"], ["resume", "--quiet"], ["trust", "--quiet"], ["report"]):
        assert command(*words, str(folder)) == 2
    with pytest.raises(RunError), held(folder):
        pass
    assert contents(tmp_path, folder) == before


def test_a_fifo_does_not_hang(tmp_path: Path) -> None:
    path = tmp_path / "fifo.json"
    os.mkfifo(path)
    for read in (read_architecture, Config.read, load_checkpoint, load_weights, read_points):
        with pytest.raises(EvoNasError, match="no regular file; save it as one"):
            read(path)
    os.mkfifo(tmp_path / "run.lock")
    with pytest.raises(RunError), held(tmp_path):
        pass


# -- wrong values are named -----------------------------------------------------------------------


SET = "UPDATE evaluations SET {} = ? WHERE id = 2"
INSERT = "INSERT OR REPLACE INTO facts VALUES ('{}', ?, 0)"
CELLS = [
    *((SET, "genome", v) for v in ("[0]", "[9, 9]", "[1e3]", "x", b"\xff")),
    (SET, "metrics", '{"accuracy": NaN}'), (SET, "metrics", "[]"), (SET, "parents", "[1]"),
    (SET, "flops", "many"), (SET, "seconds", "long"), (SET, "trained", -1), (SET, "generation", "x"),
    (INSERT, "versions", "-1"), (INSERT, "versions", '{"torch": 2}'), (INSERT, "data", "[]"),
    (INSERT, "notes", '{"images": "many"}'), (INSERT, "rejected", '{"stage1": {"params": 3}}'),
    (INSERT, "rejected", '{"stage1": {"looked at": "many"}}'),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "name", "value"), CELLS)
def test_a_wrong_cell_is_named(
    run: Path, tmp_path: Path, statement: str, name: str, value: object
) -> None:
    folder = Path(shutil.copytree(run, tmp_path / "run"))
    with contextlib.closing(sqlite3.connect(folder / "run.sqlite")) as connection, connection:
        connection.execute(statement.format(name), (value,))
        with contextlib.suppress(sqlite3.OperationalError):  # of bytes that are no text
            seal(connection, schema.TABLES)
    of_row = f"{name}|images|does not belong to its space"
    with pytest.raises(EvoNasError, match=of_row if statement == SET else f"{name} cannot be"):
        write_report(load_result(folder))


@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
    )
)
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(content)
    for read in READ:
        with contextlib.suppress(EvoNasError):
            read(path)


def test_a_short_fuzz_run_finds_nothing(tmp_path: Path) -> None:
    wrong = [problem for _, problem in failures(4, 1, tmp_path / "kept") if problem]
    assert wrong == []
