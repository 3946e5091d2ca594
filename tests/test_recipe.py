import pytest

from evo_nas.errors import RecipeError
from evo_nas.recipe import load_recipe, shipped_recipes

GOOD = """
calibration_images = 64

[supernet]
optimizer = "sgd"
epochs = 3
batch_size = 32
learning_rate = 1
weight_decay = 0

[train]
optimizer = "adamw"
epochs = 2
batch_size = 16
learning_rate = 1e-3
weight_decay = 0.05
warmup = 0.5
"""


def load(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return load_recipe(str(path))


def test_reads_a_file_of_ones_own(tmp_path):
    recipe = load(tmp_path, GOOD)
    assert recipe.name == "mine"
    assert recipe.calibration_images == 64
    assert (recipe.supernet.optimizer, recipe.supernet.momentum) == ("sgd", 0.9)
    assert isinstance(recipe.supernet.learning_rate, float)
    assert (recipe.train.epochs, recipe.train.warmup) == (2, 0.5)


def test_shipped_recipes_are_valid():
    assert shipped_recipes() == ["deit", "paper", "quick"]
    assert [load_recipe(name).name for name in shipped_recipes()] == ["paper", "paper", "quick"]


def test_the_paper_recipe_is_the_papers():
    recipe = load_recipe("paper")
    supernet, train = recipe.supernet, recipe.train
    assert (supernet.optimizer, supernet.momentum, supernet.learning_rate) == ("sgd", 0.9, 0.2)
    assert (supernet.epochs, supernet.batch_size, supernet.weight_decay) == (100, 1024, 1e-4)
    assert (supernet.label_smoothing, supernet.warmup) == (0.1, 0)
    assert train.learning_rate == pytest.approx(5e-4 * train.batch_size / 512)
    assert train.warmup == pytest.approx(5 / train.epochs)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("epochs = 3", "epochs = 0", "supernet.epochs is 0, but must be a whole number, 1 to"),
        ("epochs = 3", "epochs = 2.5", "supernet.epochs is 2.5, but must be a whole number"),
        ("epochs = 3", "epochs = true", "supernet.epochs is True, but must be a whole number"),
        ("epochs = 3", "epoch = 3", "unknown key supernet.epoch; did you mean epochs"),
        ("epochs = 3", "", "supernet.epochs is missing; add it"),
        ("1e-3", "nan", "train.learning_rate is nan, but must be a number above 0"),
        ("1e-3", '"fast"', "train.learning_rate is 'fast', but must be a number above 0"),
        ("warmup = 0.5", "warmup = 1", "train.warmup is 1, but must be a share of all steps"),
        ('"adamw"', '"adam"', "train.optimizer is 'adam'; known: adamw, sgd"),
        ("[train]", "[training]", "unknown key training; did you mean train"),
        ("calibration_images = 64", "calibration_images = 0", "calibration_images is 0, but must"),
        ("calibration_images = 64", "train = 1\n[other]", "is no valid TOML"),
        ("[supernet]", "[[supernet]]", r"supernet must be a section, \[supernet\]"),
    ],
)
def test_mistakes_are_told_with_file_key_and_value(tmp_path, old, new, message):
    assert old in GOOD
    with pytest.raises(RecipeError, match=rf"recipe .*mine\.toml:? ?{message}"):
        load(tmp_path, GOOD.replace(old, new, 1))


def test_unknown_names_and_missing_files_are_told(tmp_path):
    with pytest.raises(
        RecipeError, match=r"no recipe 'quik'; did you mean quick\? .*ends in .toml"
    ):
        load_recipe("quik")
    with pytest.raises(RecipeError, match=r"absent\.toml cannot be read"):
        load_recipe(str(tmp_path / "absent.toml"))
