import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evo_nas.core.plugins import places, registry
from evo_nas.core.plugins.digests import code_of
from evo_nas.errors import EvoNasError, SpecError
from evo_nas.search.architectures import find_architecture
from evo_nas.training.recipe import load_recipe

PLUGIN = '''
from evo_nas.data.source import DataSource

class Thing(DataSource):
    """A thing."""
    def __init__(self, size: int = 1, name: str = "x", flag: bool = False) -> None:
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


def test_a_plugin_is_loaded_from_a_path_with_options(tmp_path: Path) -> None:
    path = tmp_path / "a plugin.py"
    path.write_text(PLUGIN)
    thing = registry.load("data", f"{path}:Thing?size=3&name=y&flag=true")
    assert thing.options == (3, "y", True)
    assert registry.load("data", f"{path}:Thing?name=nan").options[1] == "nan"
    assert registry.load("data", f"{path}:Thing?size=5").options[0] == 5
    assert thing.spec == f"{path}:Thing?size=3&name=y&flag=true"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("glit_lh", "did you mean glit_hl"),
        ("nonsense", "known: "),
        ("no.such.module:X", "cannot be imported"),
        ("no/such/file.py:X", "there is no file"),
        ("path/mine.py", r"say what in the file is meant, as path/mine\.py:NAME"),
        ("evo_nas.space.space:Spaces", "did you mean Space"),
        ("glit_hl?kernels=17", "did you mean kernel"),
        ("glit_hl?kernel", "malformed"),
        ("glit_hl?kernel=17&kernel=31", "'kernel' is there twice"),
        ("table?cost=flops", r"needs an option: table\?file=\.\.\."),
    ],
)
def test_what_cannot_be_loaded_is_explained(spec: str, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        registry.load("space", spec)


def test_a_plugin_that_lacks_a_method_is_unfinished(tmp_path: Path) -> None:
    path = tmp_path / "thing.py"
    path.write_text(PLUGIN)
    with pytest.raises(SpecError, match="is unfinished: it lacks load, test"):
        registry.load("data", f"{path}:Unfinished")


@pytest.mark.parametrize(
    ("kind", "base"),
    [
        ("space", "evo_nas.space.Space"),
        ("evaluator", "evo_nas.evaluation.Evaluator"),
        ("strategy", "evo_nas.strategies.Strategy"),
        ("data", "evo_nas.data.DataSource"),
        ("network", "evo_nas.space.Architecture"),
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
    for name in ("a", "b"):
        (tmp_path / "images" / name).mkdir(parents=True)
        (tmp_path / "images" / name / "1.png").touch()
    assert places.absolute("data", "digits?train=5") == "digits?train=5"
    assert places.absolute("data", "images?limit=5") == f"{tmp_path}/images?limit=5"
    assert places.absolute("space", "my.py:Thing?a=1") == f"{tmp_path}/my.py:Thing?a=1"
    assert places.absolute("space", "package.module:Thing") == "package.module:Thing"
    # A folder is only ever data: one called "train" is no evaluator.
    (tmp_path / "train").mkdir()
    assert places.absolute("evaluator", "train") == "train"
    assert places.absolute("space", "images") == "images"
    assert type(registry.load("data", "digits")).__name__ == "Digits"
    assert type(registry.load("data", "images?image_size=16")).__name__ == "ImageFolder"


def test_the_path_of_an_option_called_file_becomes_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = places.absolute("space", "table?size=1&file=a%2Bb c.csv&name=file.csv")
    assert spec == f"table?size=1&file={tmp_path}/a%2Bb c.csv&name=file.csv"
    assert places.absolute("space", spec) == spec
    assert registry.short(spec) == "table?size=1&file=a%2Bb c.csv&name=file.csv"
    assert registry.short("a/b.py:Thing?size=1") == "b.py:Thing?size=1"


WORDS = st.text(max_size=20) | st.sampled_from(
    ["x" * 5000, "~nobody-is-called-this/x.toml", "\0", "a\nb", "..", "/dev/zero", "x.py:", ":",
     "?", "&", "%", "+", "glit_hl", "digits", "table", "file=", "kernel=17", "first=", ".toml"]
)  # fmt: skip
PIECES = st.lists(WORDS, max_size=5).map("".join)
KINDS = st.sampled_from(["space", "data", "evaluator", "strategy", "network"])


@given(st.from_regex("[a-z]{1,5}", fullmatch=True), st.text(max_size=20), st.booleans())
def test_an_option_written_and_read_is_the_same(key: str, value: str, second: bool) -> None:
    spec = registry.with_option("x?0=1" if second else "x", key, value)
    target, _, query = spec.partition("?")
    assert target == "x"
    assert registry._texts(spec, query) == {
        **({"0": "1"} if second else {}),
        key: value,
    }


@given(KINDS, PIECES)
def test_any_text_is_a_plug_in_or_an_error_of_the_user(kind: str, spec: str) -> None:
    with contextlib.suppress(EvoNasError):
        registry.load(kind, spec)
    with contextlib.suppress(EvoNasError):
        registry.has_option(kind, spec, "a")


@given(KINDS, PIECES)
def test_an_absolute_spec_stays_what_it_is(kind: str, spec: str) -> None:
    with contextlib.suppress(SpecError):
        absolute = places.absolute(kind, spec)
        assert places.absolute(kind, absolute) == absolute


@given(PIECES)
def test_any_text_is_a_network_or_a_recipe_or_an_error_of_the_user(text: str) -> None:
    with contextlib.suppress(EvoNasError):
        find_architecture(text)
    with contextlib.suppress(EvoNasError):
        load_recipe(text)


@pytest.mark.parametrize("kind", ["space", "evaluator", "data"])
def test_a_path_with_a_question_mark_is_said_to_end_there(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a?b").mkdir()
    (tmp_path / "a?b" / "mine.py").write_text("def score(options):\n    return 1\n")
    place = tmp_path / "a?b" if kind == "data" else f"{tmp_path}/a?b/mine.py:score"
    with pytest.raises(SpecError, match=r"there is no such path, and a \? in one would begin its"):
        registry.load(kind, str(place))


@pytest.mark.parametrize(
    "name",
    ["a=b", "a#b", "it's", "new\nline", "-dash", "grün", "😀", "end ", "a:b", 'a"b', "$HOME"],
)
def test_odd_characters_of_paths_are_as_good_as_others(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "mine.py").write_text("import helper\n\ndef score(options):\n    return helper.V\n")
    (folder / "helper.py").write_text("V = 7\n")
    spec = f"python?function={folder}/mine.py:score"
    assert registry.load("evaluator", spec)._function({}) == 7
    assert {part.place for part in code_of("evaluator", spec).values()} == {
        f"{folder}/mine.py", f"{folder}/helper.py"
    }  # fmt: skip
