"""Files of each kind, written and read back, and with anything in them changed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evo_nas.analysis.accuracy_figure import Point, read_points
from evo_nas.analysis.comparison.file import PROTOCOLS, Comparison
from evo_nas.core.plugins import registry
from evo_nas.core.typed import toml_text
from evo_nas.errors import EvoNasError
from evo_nas.search.architectures import read_best
from evo_nas.search.config import Config
from evo_nas.space.architecture import Architecture, read_architecture
from evo_nas.space.space import Geometry, Space
from evo_nas.strategies.settings import Settings
from evo_nas.training.recipe import Augmentation, Phase, Recipe, load_recipe
from tests.kit.mutations import Changed, changes, read_or_refused


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


def fresh(folder: Path, suffix: str) -> Path:
    """A new place in each example: readers may keep what has not changed."""
    return folder / f"{len(list(folder.iterdir()))}{suffix}"


# -- what is written -----------------------------------------------------------------------------

TEXTS = st.text(max_size=12)
SPECS = st.sampled_from(["glit_hl", "table?file=a b.csv", "x.py:Attr?a=1"]) | TEXTS.map(
    lambda text: text.replace("?", "")
)


def of_kind(kind: type, **others: Any) -> st.SearchStrategy[Any]:
    """Values within the bounds that pydantic checks."""
    hints = get_type_hints(kind, include_extras=True)
    bounded = {name: hint for name, hint in hints.items() if get_origin(hint) is Annotated}
    drawn = {
        name: st.from_type(Annotated[hint.__origin__, *hint.__metadata__[0].metadata])
        for name, hint in bounded.items()
    }
    return st.builds(kind, **drawn | others)


def phases(**teaching: st.SearchStrategy[Any]) -> st.SearchStrategy[Phase]:
    return of_kind(
        Phase,
        optimizer=st.sampled_from(["adamw", "sgd"]),
        augmentation=of_kind(Augmentation),
        learning_rate=st.floats(1, 100),  # at least where it begins and ends
        warmup_start=st.floats(0, 1),
        learning_rate_floor=st.floats(0, 1),
        batch_size=st.integers(8, 10**6),
        shards=st.integers(1, 4),  # of two images at least
        **teaching,
    )


TAUGHT = phases(teacher=st.just("runs/teacher"), distillation=st.just("soft"))
PHASES = TAUGHT | phases(
    distillation_weight=st.just(0.5), distillation_temperature=st.just(3.0)
)  # without a teacher
RECIPES = of_kind(
    Recipe, name=st.just("mine"), supernet=PHASES, train=PHASES, finetune=st.none() | PHASES,
    sandwich=st.just(0) | st.integers(2, 100),
)  # fmt: skip
SIZES = st.integers(0, 2**20)
CONFIGS = st.builds(
    Config,
    space=SPECS, strategy=SPECS, evaluator=SPECS, retrainer=SPECS, data=SPECS, device=TEXTS,
    flops=st.sampled_from(["1.4G", "1.3G..1.4G", "unlimited"]), seed=st.integers(0, 2**63 - 1),
    threads=st.integers(1, 4096), jobs=st.integers(1, 4096),
    settings=st.builds(Settings, samples=st.integers(1, 10**9), mutation_rate=st.floats(0, 1)),
    geometry=st.builds(Geometry, *[SIZES] * 6), recipe=RECIPES, inherit=st.booleans(),
    limits=st.sampled_from([(), ("params<=6M", "latency>=1ms")]), failures=st.floats(0, 1),
    time_limit=st.floats(0, 1e9), finalist_time_limit=st.floats(0, 1e9),
)  # fmt: skip
COMPARED = {
    "space": "glit_hl", "flops": "1.4G", "limits": ["params<=6M"], "samples": 9, "inherit": True,
    "mutation_rate": 0.5, "failures": 1.0, "epochs": 3,
}  # fmt: skip
COMPARISONS = st.builds(
    Comparison,
    strategies=st.lists(SPECS, min_size=1, max_size=3, unique=True).map(tuple),
    seeds=st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=3, unique=True).map(tuple),
    protocols=st.sampled_from([PROTOCOLS, ("paper",), ("equal",)]),
    jobs=st.integers(1, 4096),
    options=st.sets(st.sampled_from(sorted(COMPARED))).map(lambda n: {k: COMPARED[k] for k in n}),
)
ARCHITECTURES = st.builds(
    Architecture, name=st.just("mine"), space=TEXTS,
    genome=st.lists(st.integers(0, 2**31 - 1), max_size=5).map(tuple),
)  # fmt: skip
NAMED = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), max_size=8)
POINTS = st.lists(
    st.builds(Point, NAMED, NAMED, st.integers(1, 10**15), st.floats(0, 100)), min_size=1, max_size=4
)  # fmt: skip


def recipe_table(recipe: Recipe) -> dict[str, Any]:
    return {name: value for name, value in asdict(recipe).items() if name != "name"}


def csv_text(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def read_recipe(path: Path) -> Recipe:
    return load_recipe(str(path))


def read_comparison(path: Path) -> Comparison:
    return Comparison.read(path.parent)


WRITTEN: dict[str, tuple[Any, Callable[[Path], Any], Callable[[Any], str]]] = {
    "mine.toml": (RECIPES, read_recipe, lambda recipe: toml_text(recipe_table(recipe))),
    "config.toml": (CONFIGS, Config.read, Config.to_toml),
    "mine.json": (
        ARCHITECTURES, read_architecture,
        lambda found: json.dumps({"space": found.space, "genome": found.genome}),
    ),
    "points.csv": (
        POINTS, read_points, lambda points: csv_text([asdict(point) for point in points])
    ),
}  # fmt: skip


@settings(max_examples=50)
@given(data=st.data())
@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_written_is_read(folder: Path, name: str, data: st.DataObject) -> None:
    values, read, text = WRITTEN[name]
    value = data.draw(values)
    (folder / name).write_text(text(value))
    assert read(folder / name) == value


@settings(max_examples=50)
@given(COMPARISONS)
def test_a_comparison_that_is_saved_is_read(folder: Path, comparison: Comparison) -> None:
    place = fresh(folder, "")
    comparison.save(place)
    assert Comparison.read(place) == comparison


OPTION = st.integers(-99, 99) | st.text("abcxyz", min_size=1, max_size=4)
OPTIONS = st.lists(OPTION, min_size=1, max_size=3, unique=True)


@settings(max_examples=50)
@given(first=OPTIONS, second=OPTIONS, suffix=st.sampled_from([".csv", ".json"]), data=st.data())
def test_a_table_that_is_written_is_read(
    folder: Path, first: list[Any], second: list[Any], suffix: str, data: st.DataObject
) -> None:
    rows = [
        {"a": a, "b": b, "flops": data.draw(st.integers(0, 2**53)), "accuracy": data.draw(
            st.floats(allow_nan=False, allow_infinity=False)), "loss": 0.25}
        for a in first for b in second
    ]  # fmt: skip
    path = fresh(folder, suffix)
    path.write_text(csv_text(rows) if suffix == ".csv" else json.dumps(rows))
    table = read_table(path)
    for row in rows:
        genome = table.encode({"a": row["a"], "b": row["b"]})
        assert table.costs(genome)["flops"] == row["flops"]
        assert table.metrics(genome) == {"accuracy": row["accuracy"], "loss": 0.25}


# -- what is changed -----------------------------------------------------------------------------


def read_space(path: Path) -> Space:
    space: Space = registry.load("space", str(path))
    return space


def read_table(path: Path) -> Space:
    space: Space = registry.load("space", f"table?file={path}&metrics=loss")
    return space


def sound_space(space: Space) -> None:
    genome = space.canonical((0,) * len(space.choices))
    assert space.costs(genome)["flops"] > 0


def sound_table(table: Space) -> None:
    genome = (0,) * len(table.choices)
    assert table.costs(genome)["flops"] >= 0
    assert table.metrics(genome).keys() >= {"accuracy"}


@dataclass(frozen=True)
class Kind:
    """A kind of file: a document that is sound, its reader, and what is true of all that it reads.

    Of a refusal's message, ``also`` may be told: keys and columns that must fit the changed one.
    """

    name: str
    document: Any
    read: Callable[[Path], Any]
    sound: Callable[[Any], object] = bool
    also: tuple[str, ...] = ()


RATES = ("warmup_start", "learning_rate_floor")  # at most the learning rate
SOUND = Config(
    "glit_hl", "1.4G", "spos", "supernet", "train", "digits", 0, "cpu", 1, 2, Settings(),
    Geometry(8, 1, 10), load_recipe("quick"), limits=("params<=6M",),
)  # fmt: skip
GLIT = {
    "family": "glit", "depth": 2, "levels": 2, "name": "mine", "local_heads": "convolution",
    "target": {"width": 48, "heads": 3, "image_size": 32, "classes": 10,
               "channels": 3, "patch_size": 16},
    "options": {"heads": [0, 1, 3], "d_k": [0.5, 1], "d_z": [2, 2.5], "expansion": [1, 2],
                "kernel": [3, 5]},
    "block01": {"heads": [2], "kernel": [7]},
}  # fmt: skip
AUTOFORMER = {
    "family": "autoformer", "widths": [64, 128], "depths": [1, 2],
    "target": {"image_size": 32, "classes": 10, "channels": 3, "patch_size": 16},
    "options": {"heads": [1, 2], "mlp_ratio": [1.5, 3]},
}  # fmt: skip
FITTING = ("depth", "width", "widths", "heads", "kernel", "patch", "block01")  # sizes fit together
BEST: Mapping[str, Any] = {
    "space": "glit_hl", "genome": [0, 1, 2], "choices": {"block00.heads": 1, "block00.d_k": 0.5},
    "target": {"flops": 10, "params": 5}, "limits": {"params<=6M": 5},
    "measured": {"by": "train", "data": "digits", "accuracy": 0.5, "separated_from_second": True,
                 "fingerprint": "x", "geometry": {"image_size": 8, "channels": 1, "classes": 10}},
}  # fmt: skip
ROWS = [
    {"kernel": k, "operator": o, "flops": 10 * k + 3, "accuracy": k / 10, "loss": 0.5}
    for k in (3, 5) for o in ("conv", "pool")
]  # fmt: skip
COMBINED = ("kernel", "operator", "line", "entry", "accuracy")  # which combinations are told by
KINDS = [
    Kind("mine.toml", recipe_table(load_recipe("paper")), read_recipe, also=RATES),
    Kind(
        "config.toml", json.loads(json.dumps(asdict(SOUND))), Config.read, Config.to_toml,
        ("crossover", *RATES),
    ),
    Kind(
        "comparison.toml",
        {"strategies": ["spos", "random_search"], "seeds": [0, 1], "protocols": ["paper"],
         "jobs": 1, "options": COMPARED},
        read_comparison,
    ),
    Kind("glit.toml", GLIT, read_space, sound_space, FITTING),
    Kind("autoformer.toml", AUTOFORMER, read_space, sound_space, FITTING),
    Kind("best.json", BEST, read_best, lambda best: best["target"]["flops"] >= 0),
    Kind("architecture.json", BEST, read_architecture),
    Kind("table.json", ROWS, read_table, sound_table, COMBINED),
]  # fmt: skip


@given(data=st.data())
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_is_changed_anywhere_is_sound_or_refused(
    folder: Path, kind: Kind, data: st.DataObject
) -> None:
    made: Changed = data.draw(changes(kind.document))
    place = fresh(folder, "")  # readers may keep what has not changed
    place.mkdir()
    path = place / kind.name
    text = json.dumps if path.suffix == ".json" else toml_text
    path.write_text(text(made.document))
    read = read_or_refused(kind.read, path, made.names, kind.also)
    if read is not None:
        kind.sound(read)


CELLS = st.text(max_size=4) | st.sampled_from(
    ["nan", "1e999", "-1", "0.5", "9" * 5000, "1_0", "٣", "a\nb", '"', "true"]
)
LINES = {
    "table": (ROWS, read_table, sound_table, COMBINED),
    "points": (
        [{"family": "ours", "name": "one", "flops": "1.4G", "accuracy": "0.76"}], read_points, bool, ()
    ),
}  # fmt: skip


@given(data=st.data(), cell=CELLS)
@pytest.mark.parametrize("kind", LINES)
def test_a_line_with_a_cell_changed_is_sound_or_refused(
    folder: Path, kind: str, data: st.DataObject, cell: str
) -> None:
    rows, read, sound, also = LINES[kind]
    lines = list(csv.reader(io.StringIO(csv_text(rows))))
    row = data.draw(st.integers(0, len(lines) - 1))
    column = data.draw(st.integers(0, len(lines[0]) - 1))
    names = (lines[0][column], cell) if row == 0 else (lines[0][column],)
    lines[row][column] = cell
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    path = fresh(folder, ".csv")
    path.write_text(text.getvalue())
    found = read_or_refused(read, path, names, also)
    if found is not None:
        sound(found)


@pytest.mark.parametrize("text", ["a." * 5000 + "a = 1\n", "a = 0x" + "f" * 5000 + "\n"])
@pytest.mark.parametrize(
    "kind", [k for k in KINDS if k.name.endswith(".toml")], ids=lambda kind: kind.name
)
def test_what_is_too_deep_or_too_long_is_refused(tmp_path: Path, kind: Kind, text: str) -> None:
    path = tmp_path / kind.name
    path.write_text(text)
    with pytest.raises(EvoNasError):
        kind.read(path)
