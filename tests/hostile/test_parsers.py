"""Files of each kind, written and read back, and with anything in them changed."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, get_origin, get_type_hints

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from evo_nas.analysis.comparison.file import PROTOCOLS, Comparison
from evo_nas.core.plugins import registry
from evo_nas.search.architectures import read_best
from evo_nas.search.config import Config
from evo_nas.space.architecture import Architecture, read_architecture
from evo_nas.space.space import Geometry, Space
from evo_nas.strategies.settings import Settings
from evo_nas.training.recipe import Augmentation, Phase, Recipe, load_recipe
from tests.kit.mutations import Changed, changes, read_or_refused

TEXTS = st.text(max_size=12)
SPECS = st.sampled_from(["glit_hl", "table?file=a b.csv", "x.py:Attr?a=1"]) | TEXTS.map(
    lambda text: text.replace("?", "")
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


# -- recipes --------------------------------------------------------------------------------------


def of_kind(kind: type, **others: Any) -> st.SearchStrategy[Any]:
    """Values within the bounds that pydantic checks."""
    hints = get_type_hints(kind, include_extras=True)
    bounded = {name: hint for name, hint in hints.items() if get_origin(hint) is Annotated}
    drawn = {
        name: st.from_type(Annotated[hint.__origin__, *hint.__metadata__[0].metadata])
        for name, hint in bounded.items()
    }
    return st.builds(kind, **drawn | others)


PHASES = of_kind(
    Phase,
    optimizer=st.sampled_from(["adamw", "sgd"]),
    augmentation=of_kind(Augmentation),
    learning_rate=st.floats(1, 100),  # at least where it begins and ends
    warmup_start=st.floats(0, 1),
    learning_rate_floor=st.floats(0, 1),
)
RECIPES = of_kind(Recipe, name=st.just("mine"), supernet=PHASES, train=PHASES)


def recipe_table(recipe: Recipe) -> dict[str, Any]:
    table = asdict(recipe)
    del table["name"]
    return table


@settings(max_examples=50)
@given(RECIPES)
def test_a_recipe_written_and_read_is_the_same(folder: Path, recipe: Recipe) -> None:
    path = folder / "mine.toml"
    path.write_text(tomli_w.dumps(recipe_table(recipe)))
    assert load_recipe(str(path)) == recipe


@given(changes(recipe_table(load_recipe("paper"))))
def test_a_recipe_with_anything_changed_is_sound_or_refused(folder: Path, made: Changed) -> None:
    path = made.write(folder, ".toml")
    also = ("warmup_start", "learning_rate_floor")  # at most the learning rate
    read = read_or_refused(lambda path: load_recipe(str(path)), path, made.names, also)
    assert read is None or load_recipe(str(path)) == read


# -- config.toml ----------------------------------------------------------------------------------

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
SOUND = Config(
    "glit_hl", "1.4G", "spos", "supernet", "train", "digits", 0, "cpu", 1, 2, Settings(),
    Geometry(8, 1, 10), load_recipe("quick"), limits=("params<=6M",),
)  # fmt: skip


@settings(max_examples=50)
@given(CONFIGS)
def test_a_config_written_and_read_is_the_same(folder: Path, config: Config) -> None:
    path = folder / "config.toml"
    path.write_text(config.to_toml())
    assert Config.read(path) == config
    kept = json.loads(json.dumps(asdict(config)))
    assert Config.read(path).began_with({"config": kept}.get)


@given(changes(json.loads(json.dumps(asdict(SOUND)))))
def test_a_config_with_anything_changed_is_sound_or_refused(folder: Path, made: Changed) -> None:
    path = made.write(folder, ".toml")
    also = ("crossover", "warmup_start", "learning_rate_floor")  # which must fit others
    read = read_or_refused(Config.read, path, made.names, also)
    if read is not None:
        path.write_text(read.to_toml())
        assert Config.read(path) == read


# -- comparison.toml ------------------------------------------------------------------------------

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


@settings(max_examples=50)
@given(COMPARISONS)
def test_a_comparison_written_and_read_is_the_same(folder: Path, comparison: Comparison) -> None:
    place = folder / f"comparison{len(list(folder.iterdir()))}"
    comparison.save(place)
    assert Comparison.read(place) == comparison


COMPARISON = {
    "strategies": ["spos", "random_search"], "seeds": [0, 1], "protocols": ["paper"], "jobs": 1,
    "options": COMPARED,
}  # fmt: skip


@given(changes(COMPARISON))
def test_a_comparison_with_anything_changed_is_sound_or_refused(
    folder: Path, made: Changed
) -> None:
    place = folder / f"comparison{len(list(folder.iterdir()))}"
    place.mkdir()
    written = made.write(place, ".toml").rename(place / "comparison.toml")
    read = read_or_refused(lambda path: Comparison.read(path.parent), written, made.names)
    if read is not None:
        again = folder / f"comparison{len(list(folder.iterdir()))}"
        read.save(again)
        assert Comparison.read(again) == read


# -- spaces in TOML -------------------------------------------------------------------------------

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


def space_of(path: Path) -> Space:
    space: Space = registry.load("space", str(path))
    return space


@settings(max_examples=30)
@given(st.sampled_from([GLIT, AUTOFORMER]).flatmap(changes))
def test_a_space_with_anything_changed_is_sound_or_refused(folder: Path, made: Changed) -> None:
    path = made.write(folder, ".toml")
    space = read_or_refused(space_of, path, made.names, FITTING)
    if space is not None:
        genome = (0,) * len(space.choices)
        assert space.costs(space.canonical(genome))["flops"] > 0


# -- architecture files ---------------------------------------------------------------------------

BEST: dict[str, Any] = {
    "space": "glit_hl", "genome": [0, 1, 2], "choices": {"block00.heads": 1, "block00.d_k": 0.5},
    "target": {"flops": 10, "params": 5}, "limits": {"params<=6M": 5},
    "measured": {"by": "train", "data": "digits", "accuracy": 0.5, "separated_from_second": True,
                 "fingerprint": "x", "geometry": {"image_size": 8, "channels": 1, "classes": 10}},
}  # fmt: skip


@given(changes(BEST))
def test_best_json_with_anything_changed_is_sound_or_refused(folder: Path, made: Changed) -> None:
    path = made.write(folder, ".json")
    read_or_refused(read_best, path, made.names)
    read_or_refused(read_architecture, path, made.names)


@given(space=TEXTS, genome=st.lists(st.integers(0, 2**31 - 1), max_size=5))
def test_an_architecture_written_and_read_is_the_same(
    folder: Path, space: str, genome: list[int]
) -> None:
    path = folder / "network.json"
    path.write_text(json.dumps({"space": space, "genome": genome}))
    assert read_architecture(path) == Architecture("network", space, tuple(genome))
