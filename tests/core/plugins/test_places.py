"""Paths and code in specs, as plug-ins declare them, and where they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from evo_nas.core.plugins import places, registry, trusted_code
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


def test_code_is_where_a_plug_in_declares_it(tmp_path: Path, mine: str) -> None:
    given = (
        "inner=command?program=a;b&several=b.py:Y;python?function=c.py:z&hook=h&run=rm x&notes=a:b"
    )
    files = [f"{tmp_path}/{name}" for name in (mine, "b.py:Y", "c.py:z")]
    assert list(code_in(f"{mine}?{given}")) == [files[0], "a;b", *files[1:], "h", "rm x"]


@pytest.mark.parametrize(
    ("option", "code"),
    [
        ("evil.py:X", ["{here}/evil.py:X"]),
        ("package.module:X", ["package.module:X"]),
        ("table;evil.py:X", ["{here}/evil.py:X"]),
        ("evil.py:X?a=1", ["{here}/evil.py:X"]),
        ("command?program=rm x", ["rm x"]),
        ("together?first=table%26second=evil.py:X", ["{here}/evil.py:X"]),
        ("0.5,0.25", []),
        ("a/folder", []),
    ],
)
def test_what_looks_like_code_is_taken_for_it(
    tmp_path: Path, mine: str, option: str, code: list[str]
) -> None:
    code = [each.format(here=tmp_path) for each in code]
    for plugin in ("nobody", "random"):
        assert list(code_in(f"{plugin}?inner={option}")) == code
    assert list(code_in(f"{mine}?other={option}")) == [f"{tmp_path}/{mine}", *code]


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


def test_links_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "far" / "away").mkdir(parents=True)
    (tmp_path / "far" / "mine.py").write_text("", encoding="utf-8")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "linked.py").symlink_to("../far/mine.py")
    (tmp_path / "here" / "folder").symlink_to("../far/away")
    monkeypatch.chdir(tmp_path / "here")
    for given, found in (
        ("linked.py", "here/linked.py"),
        ("./../here//linked.py", "here/linked.py"),
        ("folder/../mine.py", "here/folder/../mine.py"),  # which is in far, not in here
    ):
        assert places.absolute("evaluator", f"{given}:A") == f"{tmp_path}/{found}:A"


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mine: str) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "pictures").mkdir()
    for kind, given, found in (
        ("evaluator", f"~/{mine}?notes=~/n&inner=~/a.py:A", "{}/{}?notes={}/n&inner={}/a.py:A"),
        ("space", "~/s.toml", "{}/s.toml"),
        ("data", "~/pictures?limit=5", "{}/pictures?limit=5"),
    ):
        expected = found.replace("{}/{}", f"{{}}/{mine}").replace("{}", str(tmp_path))
        assert places.absolute(kind, given) == expected
    assert registry.is_path("data", "~/pictures")


def test_a_recipe_gives_the_options_that_follow_it_and_are_left_out(mine: str) -> None:
    keys = {"rank": "loss", "sharing": "entangled", "other": "not asked for"}

    def found(spec: str) -> str:
        return places.by_recipe("evaluator", spec, keys)

    assert found("supernet") == "supernet?rank=loss"
    assert found("supernet?run=a%26b") == "supernet?run=a%26b&rank=loss"
    assert found("supernet?rank=accuracy") == "supernet?rank=accuracy"
    assert found(f"{mine}?other=supernet&hook=a%2Bb") == f"{mine}?other=supernet&hook=a%2Bb"
    assert found(f"{mine}?inner=supernet") == f"{mine}?inner=supernet?rank=loss"
    several = f"{mine}?several=table;supernet?sharing=separate"
    assert found(several) == f"{several}%26rank=loss"
    assert registry.load("evaluator", found(several))
    assert places.by_recipe("evaluator", f"{mine}?inner=supernet", {}) == f"{mine}?inner=supernet"
