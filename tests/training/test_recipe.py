from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import pytest

from evo_nas.errors import RecipeError
from evo_nas.training.recipe import Augmentation, Phase, load_recipe
from evo_nas.training.recipes import shipped_recipes
from evo_nas.training.weights import read_metadata

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

[train.augmentation]
mixup = 0.8
"""

# What checkpoints of version 0.1 say of their training.
OF_0_1 = [
    "optimizer", "epochs", "batch_size", "learning_rate", "weight_decay", "momentum", "warmup",
    "label_smoothing", "warmup_start", "learning_rate_floor", "gradient_clip", "stochastic_depth",
    "weight_average", "repeated_augmentation", "augmentation",
]  # fmt: skip


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


def test_the_paper_recipe_is_the_papers_and_retrains_as_deit_does():
    recipe = load_recipe("paper")
    assert load_recipe("deit") == recipe
    assert recipe.supernet == Phase(
        "sgd", 100, 1024, 0.2, 1e-4, momentum=0.9, label_smoothing=0.1,
        augmentation=Augmentation(crop_scale=0.08, horizontal_flip=0.5),
    )  # fmt: skip
    assert recipe.train == Phase(
        "adamw", 300, 1024, 5e-4 * 1024 / 512, 0.05, label_smoothing=0.1,
        warmup=0.016666667, warmup_start=1e-6, learning_rate_floor=1e-5,
        stochastic_depth=0.1, repeated_augmentation=3,
        augmentation=Augmentation(0.08, 0.5, 2, 27.0, 1.5, 0.25, mixup=0.8, cutmix=1.0),
    )  # fmt: skip


def test_quick_changes_no_image_and_averages_nothing():
    recipe = load_recipe("quick")
    for phase in (recipe.supernet, recipe.train, recipe.retraining(inherit=True)):
        assert phase.augmentation == Augmentation()
        assert (phase.repeated_augmentation, phase.weight_average, phase.gradient_clip) == (1, 0, 0)


def test_a_training_is_named_by_what_is_on():
    phase = Phase("sgd", 2, 16, 0.1, 0.0)
    expected = (
        "Phase(optimizer='sgd', epochs=2, batch_size=16, learning_rate=0.1, weight_decay=0.0, "
        "momentum=0.9, warmup=0.0, label_smoothing=0.0)"
    )
    assert phase.identity == expected
    named = replace(phase, gradient_clip=1.0, augmentation=Augmentation(mixup=0.8)).identity
    assert named.startswith(expected[:-1] + ", gradient_clip=1.0, augmentation=Augmentation(")
    assert named.endswith(
        "augmentation=Augmentation(crop_scale=1.0, horizontal_flip=0.0, randaugment_operations=0, "
        "randaugment_magnitude=27.0, randaugment_deviation=0.0, random_erasing=0.0, mixup=0.8, "
        "cutmix=0.0))"
    )


def test_a_value_added_later_names_only_trainings_that_use_it():
    @dataclass(frozen=True, slots=True)
    class Later(Augmentation):
        blur: float = 0.0

    @dataclass(frozen=True, slots=True)
    class LaterPhase(Phase):
        patience: int = 0

    before = Phase("sgd", 2, 16, 0.1, 0.0, augmentation=Augmentation(mixup=0.8))
    names = [field.name for field in fields(Phase)]
    values = {name: getattr(before, name) for name in names} | {"augmentation": Later(mixup=0.8)}
    after = LaterPhase(**values)
    assert (after.identity, after.values) == (before.identity, before.values)
    assert before.values == {name: asdict(before)[name] for name in OF_0_1}
    patient = replace(after, patience=3, augmentation=Later(mixup=0.8, blur=0.5))
    assert patient.identity == before.identity[:-2] + ", blur=0.5), patience=3)"
    assert replace(after, augmentation=Later(blur=0.5)).identity != before.identity


def test_changes_are_written_as_in_a_recipe():
    recipe = load_recipe("quick", ["epochs=7", "optimizer=sgd", "augmentation.cutmix = 1"])
    assert (recipe.train.epochs, recipe.train.optimizer) == (7, "sgd")
    assert recipe.train.augmentation == Augmentation(cutmix=1.0)
    assert recipe.supernet == load_recipe("quick").supernet
    for change, message in {
        "epochs": "change 'epochs' of the recipe must be written as key=value",
        "epoch=2": "unknown key train.epoch; did you mean epochs",
        "epochs=two": "train.epochs = 'two' must be of type int",
        "augmentation.flip=1": "unknown key train.augmentation.flip",
        "augmentation=1": "train.augmentation = 1 must be a section",
        "epochs.more=1": "change 'epochs.more=1': the recipe has no section for this key",
    }.items():
        with pytest.raises(RecipeError, match=message):
            load_recipe("quick", [change])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("epochs = 3", "epochs = 0", "supernet.epochs = 0 must be greater than or equal to 1"),
        ("epochs = 3", "epochs = 2.5", "supernet.epochs = 2.5 must be of type int"),
        ("epochs = 3", "epochs = true", "supernet.epochs = True must be of type int"),
        ("epochs = 3", "epoch = 3", "unknown key supernet.epoch; did you mean epochs"),
        ("epochs = 3", "", "supernet.epochs is missing"),
        ("1e-3", "nan", "train.learning_rate = nan must be less than or"),
        ("1e-3", '"fast"', "train.learning_rate = 'fast' must be of type float"),
        ("warmup = 0.5", "warmup = 1", "train.warmup = 1 must be less than 1"),
        ('"adamw"', '"adam"', "train.optimizer = 'adam' must be 'adamw' or 'sgd'"),
        ("[train]", "[training]", "unknown key training; did you mean train"),
        ("[train]", 'name = "other"\n[train]', "unknown key supernet.name"),
        ("[supernet]", 'name = "other"\n[supernet]', "unknown key name; a recipe is called as"),
        ("warmup = 0.5", "warmup_start = 1", "train.warmup_start is 1.0, above learning_rate"),
        ("warmup = 0.5", "shards = 999", "train.shards is 999, batch_size .*; a shard has two"),
        ("warmup = 0.5", "shards = 0", "train.shards = 0 must be greater than or equal to 1"),
        ("warmup = 0.5", "learning_rate_floor = 1", "train.learning_rate_floor is 1.0, above"),
        ("mixup = 0.8", "mix_up = 1", "unknown key train.augmentation.mix_up; did you mean mixup"),
        ("mixup = 0.8", "mixup = -1", "train.augmentation.mixup = -1 must be greater than or"),
        ("warmup = 0.5\n\n[train.augmentation]", "augmentation = 1\n[x]", "unknown key x"),
        ("calibration_images = 64", "calibration_images = 0", "calibration_images = 0 must be"),
        ("calibration_images = 64", "sandwich = 1", "sandwich is 1; its paths are the largest, "),
        ("calibration_images = 64", "sandwich = -1", "sandwich = -1 must be greater than or"),
        (
            "[supernet]",
            "[supernet]\nown_paths = true",
            "supernet.own_paths gives each shard a path",
        ),
        ("[train]", "[train]\nown_paths = true\nshards = 2", "train.own_paths is for shared "),
        (
            "[supernet]",
            "sandwich = 2\n[supernet]\nown_paths = true\nshards = 2",
            "sandwich is 2, whose paths all see the same images",
        ),
        ("calibration_images = 64", 'paths = "all"', "paths = 'all' must be 'prior' or 'budget'"),
        ("calibration_images = 64", "train = 1\n[other]", "is no valid TOML"),
        ("[supernet]", "[[supernet]]", "supernet = .* must be a section"),
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


def test_weights_of_version_0_1_0_are_named_as_today():
    recipe = load_recipe("quick")
    phases = [replace(phase, epochs=1).identity for phase in (recipe.supernet, recipe.train)]
    files = Path("tests/runs/version_0_1_0").glob("*/checkpoints/**/*.safetensors")
    told = [read_metadata(path)["training"] for path in files]
    assert {text.partition(", 1 epochs")[0] for text in told} == set(phases)


def test_a_teacher_is_told_by_its_digest_wherever_it_lies():
    phase = replace(load_recipe("quick").train, teacher="/runs/x", teacher_digest="abc")
    assert phase.identity.endswith("label_smoothing=0.1, teacher_digest='abc')")
    assert replace(phase, teacher="/elsewhere/x").values == phase.values
    soft = replace(phase, distillation="soft", distillation_weight=0.1)
    assert "distillation='soft', distillation_weight=0.1" in soft.identity
    assert soft.teaching["distillation"] == "soft, weight 0.1, temperature 3"
    assert load_recipe("quick").train.teaching == {}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["distillation=soft"], "distillation is given, and no teacher"),
        (["distillation_weight=0.1"], "distillation_weight is given, and no teacher"),
        (["teacher=x", "distillation_temperature=2"], 'distillation is "hard", which has none'),
        (["teacher=x", "distillation_weight=0"], "distillation_weight = 0 must be greater than 0"),
        (["teacher=x", "distillation=mild"], "distillation = 'mild' must be 'hard' or 'soft'"),
    ],
)
def test_what_would_teach_nothing_is_refused(changes, said):
    with pytest.raises(RecipeError, match=said):
        load_recipe("quick", changes)
