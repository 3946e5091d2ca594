"""Errors of plug-ins are told with the line of the plug-in."""

from __future__ import annotations

from pathlib import Path

import pytest

from evo_nas.core.plugins import registry
from evo_nas.core.plugins.blame import describe
from evo_nas.errors import SpecError

SOURCE = """\
import json
from evo_nas.sampling.limits import parse_range

def strict(text):
    return json.loads(
        text)

def late():
    parse_range("x")
"""


def raised(source: str, call: str) -> BaseException:
    """What a call of a function in a file of somebody's raises."""
    names: dict[str, object] = {"__name__": "theirs"}
    exec(compile(Path(source).read_text(), source, "exec"), names)
    with pytest.raises(Exception) as caught:  # noqa: PT011  any
        eval(call, names)
    return caught.value


def test_the_line_is_the_last_one_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(SOURCE)
    told = describe(raised(str(file), "strict('{')"))
    assert told.startswith("JSONDecodeError: Expecting property name")
    assert told.endswith(" (mine.py, line 5)")  # not that of json's decoder
    assert describe(raised(str(file), "late()")).endswith(" (mine.py, line 9)")


def test_a_module_beside_that_import_module_misses_is_found_by_import(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("import importlib\nfind = importlib.import_module\ndef f(x): return find(x)\n")
    (tmp_path / "helper_of_mine.py").write_text("")
    told = describe(raised(str(file), "f('helper_of_mine')"))
    assert "(mine.py, line 3); write `import helper_of_mine`, which" in told
    assert describe(raised(str(file), "f('no_such_module')")).endswith("(mine.py, line 3)")


def test_without_a_line_of_theirs_none_is_said() -> None:
    assert describe(KeyError("size")) == "KeyError: 'size'"
    assert describe(ValueError()) == "ValueError"
    with pytest.raises(SpecError) as caught:
        registry.load("space", "no_such_space")
    assert "line" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1\ny = {}['size']\n", r"mine.py' cannot be imported: KeyError: 'size' \(.*line 2\)$"),
        ("x = 1\ny = (\n", r"cannot be imported: SyntaxError: .* \(mine\.py, line 2\)$"),
        ("def Mine():\n    return {}['size']\n", r"cannot be made: KeyError: 'size' \(.*line 2\)$"),
        ("def Mine():\n    int('x')\n", r"does not accept its options: .* \(mine\.py, line 2\)$"),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_told_with_its_line(
    source: str, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(source)
    with pytest.raises(SpecError, match=said) as caught:
        registry.load("space", f"{file}:Mine")
    assert str(caught.value).count("line 2") == 1
