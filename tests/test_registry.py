from pathlib import Path

import pytest

from evo_nas import registry
from evo_nas.errors import SpecError

PLUGIN = '''
from evo_nas.data import DataSource

class Thing(DataSource):
    """A thing."""
    def __init__(self, size: int = 1, name: str = "x", flag: bool = False) -> None:
        if size < 0:
            raise ValueError("size is negative")
        if size == 0:
            raise KeyError("no size")
        self.options = (size, name, flag)

    def load(self, seed):
        raise NotImplementedError

    def test(self):
        raise NotImplementedError

class Unfinished(DataSource):
    """One that lacks its methods."""

class Stranger:
    """Of no kind."""
'''


def test_our_own_plugins_are_found_by_name() -> None:
    assert {"glit_hl", "glit_hl_small", "glit_hl_base"} <= set(registry.names("space"))
    assert registry.load("space", "glit_hl").name == "glit_hl"


def test_a_plugin_is_loaded_from_a_path_with_options(tmp_path: Path) -> None:
    path = tmp_path / "a plugin.py"
    path.write_text(PLUGIN)
    thing = registry.load("data", f"{path}:Thing?size=3&name=y&flag=true")
    assert thing.options == (3, "y", True)
    assert registry.load("data", f"{path}:Thing?name=nan").options[1] == "nan"
    assert registry.load("data", f"{path}:Thing?size=.5").options[0] == 0.5
    assert thing.spec == f"{path}:Thing?size=3&name=y&flag=true"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("glit_lh", "did you mean glit_hl"),
        ("nonsense", "known: "),
        ("no.such.module:X", "cannot be imported"),
        ("no/such/file.py:X", "there is no file"),
        ("path/mine.py", r"say what in the file is meant, as path/mine\.py:NAME"),
        ("evo_nas.space:Spaces", "did you mean Space"),
        ("glit_hl?kernels=17", "did you mean kernel"),
        ("glit_hl?kernel", "malformed"),
        ("table?cost=flops", r"needs an option: table\?file=\.\.\."),
    ],
)
def test_what_cannot_be_loaded_is_explained(spec: str, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        registry.load("space", spec)


def test_a_plugin_that_refuses_its_options_or_fails_at_import(tmp_path: Path) -> None:
    path = tmp_path / "thing.py"
    path.write_text(PLUGIN)
    with pytest.raises(SpecError, match="size is negative"):
        registry.load("data", f"{path}:Thing?size=-1")
    with pytest.raises(SpecError, match="cannot be made: KeyError: 'no size'"):
        registry.load("data", f"{path}:Thing?size=0")
    with pytest.raises(SpecError, match="is unfinished: it lacks load, test"):
        registry.load("data", f"{path}:Unfinished")
    broken = tmp_path / "broken.py"
    broken.write_text("raise OSError('no such luck')")
    with pytest.raises(SpecError, match="OSError: no such luck"):
        registry.load("space", f"{broken}:Thing")


@pytest.mark.parametrize(
    ("kind", "base"),
    [
        ("space", "evo_nas.space.Space"),
        ("evaluator", "evo_nas.evaluator.Evaluator"),
        ("strategy", "evo_nas.strategy.Strategy"),
        ("data", "evo_nas.data.DataSource"),
        ("network", "evo_nas.architecture.Architecture"),
    ],
)
def test_what_is_of_another_kind_is_refused(tmp_path: Path, kind: str, base: str) -> None:
    path = tmp_path / "thing.py"
    path.write_text(PLUGIN)
    with pytest.raises(SpecError, match=f"it is a Stranger; derive its class from {base}"):
        registry.load(kind, f"{path}:Stranger")


def test_paths_become_absolute_and_names_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    (tmp_path / "images").mkdir()
    assert registry.absolute("data", "digits?train=5") == "digits?train=5"
    assert registry.absolute("data", "images?limit=5") == f"{tmp_path}/images?limit=5"
    assert registry.absolute("space", "my.py:Thing?a=1") == f"{tmp_path}/my.py:Thing?a=1"
    assert registry.absolute("space", "package.module:Thing") == "package.module:Thing"
    # A folder is only ever data: one called "train" is no evaluator.
    (tmp_path / "train").mkdir()
    assert registry.absolute("evaluator", "train") == "train"
    assert registry.absolute("space", "images") == "images"
    assert type(registry.load("data", "digits")).__name__ == "Digits"


def test_the_path_of_an_option_called_file_becomes_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = registry.absolute("space", "table?size=1&file=a%2Bb c.csv&name=file.csv")
    assert spec == f"table?size=1&file={tmp_path}/a%2Bb c.csv&name=file.csv"
    assert registry.absolute("space", spec) == spec
    assert registry.short(spec) == "table?size=1&file=a%2Bb c.csv&name=file.csv"
    assert registry.short("a/b.py:Thing?size=1") == "b.py:Thing?size=1"


def test_data_may_be_a_folder(tmp_path: Path) -> None:
    source = registry.load("data", f"{tmp_path}?image_size=16")
    assert type(source).__name__ == "ImageFolder"
