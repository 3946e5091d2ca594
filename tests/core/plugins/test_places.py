"""Paths and code in specs, as plug-ins declare them, and where they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from evo_nas.core.plugins import places, trusted_code
from evo_nas.core.plugins.places import code_in
from evo_nas.errors import SpecError

COMPOSITE = """
from typing import Annotated
from evo_nas.core.plugins import Code, FilePath, Program, Spec
from evo_nas.evaluation import Evaluator

class Mine(Evaluator):
    def __init__(
        self,
        inner: Annotated[str, Spec("evaluator")] = "",
        several: Annotated[str, Spec("evaluator", several=True)] = "",
        run: Annotated[str, Program()] = "",
        hook: Annotated[str, Code()] = "",
        notes: Annotated[str, FilePath()] | None = None,
        other: str = "",
    ) -> None: ...
    def open(self, space, context): ...
    def evaluate(self, genome): ...
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(COMPOSITE, encoding="utf-8")
    return "mine.py:Mine"


def test_paths_are_where_a_plug_in_declares_them(tmp_path: Path, mine: str) -> None:
    given = (
        "inner=a.py:X?file=b&several=b.py:Y;python?function=c.py:z&hook=d.py:h&notes=n&other=o/p"
    )
    assert places.absolute("evaluator", f"{mine}?{given}") == (
        f"{tmp_path}/{mine}?inner={tmp_path}/a.py:X?file=b&several={tmp_path}/b.py:Y;python?function="
        f"{tmp_path}/c.py:z&hook={tmp_path}/d.py:h&notes={tmp_path}/n&other=o/p"
    )


def test_code_is_where_a_plug_in_declares_it(mine: str) -> None:
    given = (
        "inner=command?program=a;b&several=b.py:Y;python?function=c.py:z&hook=h&run=rm x&notes=a:b"
    )
    assert list(code_in(f"{mine}?{given}")) == [mine, "a;b", "b.py:Y", "c.py:z", "h", "rm x"]


@pytest.mark.parametrize(
    ("option", "code"),
    [
        ("evil.py:X", ["evil.py:X"]),
        ("package.module:X", ["package.module:X"]),
        ("table;evil.py:X", ["evil.py:X"]),
        ("evil.py:X?a=1", ["evil.py:X"]),
        ("command?program=rm x", ["rm x"]),
        ("together?first=table%26second=evil.py:X", ["evil.py:X"]),
        ("0.5,0.25", []),
        ("a/folder", []),
    ],
)
def test_what_looks_like_code_is_taken_for_it(mine: str, option: str, code: list[str]) -> None:
    for plugin in ("nobody", "random"):
        assert list(code_in(f"{plugin}?inner={option}")) == code
    assert list(code_in(f"{mine}?other={option}")) == [mine, *code]


def test_specs_in_specs_end_somewhere() -> None:
    deep = "?a=".join(f"p{number}" for number in range(5000))
    (code,) = code_in(deep)
    assert code.startswith("p9?a=p10")


def test_code_is_not_imported_to_know_what_it_declares(
    mine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(trusted_code.ALLOW, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    Path("mine.py").write_text("raise SystemExit('it was run')", encoding="utf-8")
    with pytest.raises(SpecError, match=r"would run code .*mine\.py:Mine"):
        trusted_code.check_known([f"{mine}?inner=evil.py:X"], Path("config.toml"))
