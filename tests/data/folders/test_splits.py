import pytest

from evo_nas.data.folders.splits import Split, choose_held_out, role
from evo_nas.errors import DataError


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("train Training TRAIN seg_train train_set cifar10-train train2017 trainval", "training"),
        ("training_images train_val TrainSet train-dataset", "training"),
        ("val valid VALID validation Validation dev val2017 validation-set", "validation"),
        ("test Testing TEST testing seg_test test_images imagenet-test", "test"),
        ("eval evaluation holdout", "evaluation"),
        ("cats trainer attest 0000 images data dataset train_test default interval", None),
    ],
)
def test_what_names_say(names, expected):
    for name in names.split():
        assert role(name) == expected, name


def chosen(names, validation=None, test=None, carve=False):
    splits = [Split(name.strip("-"), (name,), not name.endswith("-")) for name in names.split()]
    found = choose_held_out(splits, validation, test, carve, "here")
    return tuple(None if split is None else split.name for split in found)


@pytest.mark.parametrize(
    ("names", "options", "expected"),
    [
        ("", {}, (None, None)),
        ("test", {}, (None, "test")),
        ("valid", {}, (None, "valid")),
        ("valid", {"validation": "valid"}, ("valid", None)),
        ("val test", {}, ("val", "test")),
        ("val test", {"carve": True}, (None, "test")),
        ("val test", {"test": "val"}, (None, "val")),
        ("eval test", {}, ("eval", "test")),
        ("val eval", {}, ("val", "eval")),
        ("Validation test-", {}, (None, "Validation")),
        ("extra test", {"validation": "EXTRA"}, ("extra", "test")),
        ("validation test", {"test": "val"}, (None, "validation")),
        ("test test_b", {}, (None, "test")),
    ],
)
def test_which_split_is_used_for_what(names, options, expected):
    assert chosen(names, **options) == expected


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        ("val valid test", {}, "splits val and valid, each of which may be the validation split; "),
        ("test_a test_b", {}, "name one, as test=test_a"),
        ("test", {"test": "dev"}, "no split for test=dev; known: test, or leave test out"),
        ("test-", {"test": "test"}, "test- has no labels, so it cannot be used for test=test"),
        ("val", {"test": "val", "validation": "val"}, "validation and test are both 'val'"),
    ],
)
def test_what_is_not_clear_is_refused(names, options, message):
    with pytest.raises(DataError, match=message):
        chosen(names, **options)
