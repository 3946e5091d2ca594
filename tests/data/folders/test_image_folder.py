import sys
from itertools import cycle, islice
from pathlib import Path

import pytest
import torch

from evo_nas.core.plugins import registry
from evo_nas.data import survey as survey_module
from evo_nas.data.folders import image_folder as folder_module
from evo_nas.data.folders.image_folder import ImageFolder
from evo_nas.data.images import Images
from evo_nas.data.source import DataSource
from evo_nas.data.stored import StoredPictures
from evo_nas.errors import DataError, EvoNasError
from tests.kit.images import COLOURS, encoded, picture, write_parquet, write_pictures

datasets = pytest.importorskip("datasets")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


def write_split(folder, count=10, **options):
    return write_pictures(folder, count, sizes=[(16, 16)], ending="png", **options)


def write_rows(path, count=10, **options):
    rows = [
        {"bytes": encoded(picture(colour, seed=number)), "path": f"{number}.png"}
        for number, colour in enumerate(islice(cycle(COLOURS.values()), count))
    ]
    return write_parquet(path, rows, [number % 3 for number in range(count)], **options)


def looks_like_its_class(images, classes):
    means = images.pixels.float().mean((2, 3))
    colours = torch.tensor([COLOURS[name] for name in classes]).float()
    return bool((torch.cdist(means, colours).argmin(1) == images.labels).all())


@pytest.mark.parametrize("test_name", ["test", "val", "validation"])
def test_class_folders_in_train_and_test(tmp_path, test_name):
    write_split(tmp_path / "train")
    write_split(tmp_path / test_name, count=2)
    source = ImageFolder(tmp_path, validation=6)
    data = source.load(0)
    assert isinstance(source, DataSource)
    assert data.classes == ("apple", "leaf", "sky")
    assert data.train.pixels.shape == (24, 3, 16, 16)
    assert torch.bincount(data.validation.labels).tolist() == [2, 2, 2]
    assert len(source.test()) == 6
    for images in (data.train, data.validation, source.test()):
        assert looks_like_its_class(images, data.classes)


def test_class_folders_directly_have_a_test_split_that_no_seed_changes(tmp_path):
    source = ImageFolder(write_split(tmp_path / "a[b] c"))
    before = sorted(tmp_path.rglob("*"))
    first, other = source.load(0), source.load(1)
    assert first.name == "a[b] c"
    assert len(source.test()) == 6
    assert len(first.train) + len(first.validation) == 24
    assert first.fingerprint == source.load(0).fingerprint
    assert first.validation_rows != other.validation_rows
    seen = {
        p.numpy().tobytes() for d in (first, other) for p in (*d.train.pixels, *d.validation.pixels)
    }
    assert not seen & {p.numpy().tobytes() for p in source.test().pixels}
    assert torch.equal(ImageFolder(tmp_path / "a[b] c").test().pixels, source.test().pixels)
    assert sorted(tmp_path.rglob("*")) == before  # nothing is left beside the pictures


def test_class_folders_may_be_called_like_splits(tmp_path):
    write_split(tmp_path, 6)
    for name, other in (("apple", "test"), ("sky", "val")):
        (tmp_path / name).rename(tmp_path / other)
    assert ImageFolder(tmp_path, validation=3).load(0).classes == ("leaf", "test", "val")


def test_limit_reads_fewer_images_in_proportion(tmp_path):
    data = ImageFolder(write_split(tmp_path / "p"), limit=12, validation=3).load(0)
    assert torch.bincount(data.train.labels).tolist() == [3, 3, 3]
    assert len(data.validation) == 3


@pytest.mark.parametrize(
    ("sizes", "image_size", "expected"),
    [
        ([(20, 20)], None, 20),
        ([(30, 20)], None, 16),
        ([(100, 90), (300, 200)], None, 64),
        ([(6, 9)], None, 8),
        ([(20, 20)], 12, 12),
    ],
)
def test_sizes(tmp_path, sizes, image_size, expected):
    write_pictures(tmp_path, 6 * len(sizes), sizes=sizes)
    data = ImageFolder(tmp_path, image_size=image_size, validation=3).load(0)
    assert data.train.pixels.shape[1:] == (3, expected, expected)
    assert looks_like_its_class(data.train, data.classes)


def test_grey_pictures_have_one_channel_unless_some_are_coloured(tmp_path):
    write_split(tmp_path, mode="L")
    data = registry.load("data", f"{tmp_path}?mean=0.5&std=0.25").load(0)
    assert data.train.pixels.shape[1] == 1
    assert (data.mean, data.std) == ((0.5,), (0.25,))
    picture((1, 200, 3)).convert("RGBA").save(tmp_path / "sky" / "zz.png")
    assert ImageFolder(tmp_path).load(0).train.pixels.shape[1] == 3


@pytest.mark.parametrize("folder", [".", "data"])
@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"label": datasets.Value("int64")},
        {"image": {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}},
    ],
    ids=["hugging-face", "numbers", "bare"],
)
def test_parquet_files(tmp_path, folder, columns):
    write_rows(tmp_path / folder / "train-00000-of-00002.parquet", 21, **columns)
    write_rows(tmp_path / folder / "train-00001-of-00002.parquet", 9, **columns)
    write_rows(tmp_path / folder / "test.parquet", 6, **columns)
    source = ImageFolder(tmp_path, validation=0.1)
    data = source.load(0)
    assert data.classes == (("0", "1", "2") if "label" in columns else tuple(COLOURS))
    assert (len(data.train), len(data.validation), len(source.test())) == (27, 3, 6)
    assert looks_like_its_class(data.train, tuple(COLOURS))
    assert looks_like_its_class(source.test(), tuple(COLOURS))


def test_columns_can_be_named_where_several_could_be_meant(tmp_path):
    number = datasets.Value("int64")
    write_rows(tmp_path / "train.parquet", 30, label=number, other=[7, 8] * 15)
    with pytest.raises(
        DataError, match=r"2 columns that may be the label, kind, other .*label_column="
    ):
        ImageFolder(tmp_path).load(0)
    assert ImageFolder(tmp_path, label_column="other").load(0).classes == ("7", "8")
    with pytest.raises(DataError, match="no column 'othr'; did you mean other"):
        ImageFolder(tmp_path, label_column="othr").load(0)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (["apple", "leaf"], "class 'leaf', which the training split has not"),
        (["apple", "sky"], r"000\.png cannot be decoded .* repair or remove it"),
    ],
)
def test_the_test_split_is_read_only_when_asked_for(tmp_path, classes, message):
    write_split(tmp_path / "train", classes=["apple", "sky"])
    write_split(tmp_path / "test", count=1, classes=classes)
    (tmp_path / "test" / "apple" / "000.png").write_bytes(b"no picture")
    source = ImageFolder(tmp_path)
    source.load(0)
    with pytest.raises(DataError, match=message):
        source.test()


def test_what_holds_no_pictures_is_told(tmp_path):
    with pytest.raises(DataError, match="is no folder"):
        ImageFolder(tmp_path / "absent")
    rows = [{"bytes": encoded(picture(COLOURS["sky"])), "path": None}] * 3
    write_parquet(tmp_path / "train.parquet", rows, [0, 1, -1])
    with pytest.raises(DataError, match=r"row 2 of .* has no label .* remove such rows"):
        ImageFolder(tmp_path).load(0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("image_size=0", "image_size=0 must be a whole number"),
        ("limit=2.5", "limit=2.5 must be a whole number"),
        ("validation=0", "validation=0 must be a number or a text, above 0"),
        ("stored=1", "stored=1 must be true or false"),
        ("workers=-1", "workers=-1 must be a whole number, 0 or more"),
        ("crop_share=87.5", "crop_share=87.5 must be a number, above 0, 1 or less"),
        ("mean=0.4,0.5,0.6", "give both mean and std"),
    ],
)
def test_senseless_options_are_refused(tmp_path, options, message):
    with pytest.raises(EvoNasError, match=message):
        registry.load("data", f"{tmp_path}?{options}")


def test_without_the_extra_it_says_what_to_install(tmp_path, monkeypatch):
    write_rows(tmp_path / "train.parquet", 30)
    for package, folder in (("datasets", tmp_path), ("PIL", write_split(tmp_path / "p"))):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, package, None)
            with pytest.raises(DataError, match=r"pip install 'evo-nas\[data\]'"):
                ImageFolder(folder).load(0)


@pytest.mark.parametrize("kind", ["folders", "parquet"])
def test_pictures_on_disk_are_the_same_images_as_in_memory(tmp_path, kind):
    if kind == "folders":
        write_pictures(tmp_path, 12)
    else:
        write_rows(tmp_path / "train.parquet", 24)
        write_rows(tmp_path / "test.parquet", 6)
    options = {"image_size": 12, "validation": 6}
    in_memory = ImageFolder(tmp_path, **options)
    on_disk = ImageFolder(tmp_path, stored=True, workers=2, **options)
    memory, disk = in_memory.load(3), on_disk.load(3)
    assert disk.validation_rows == memory.validation_rows
    assert disk.classes == memory.classes
    assert (disk.mean, disk.std) == (memory.mean, memory.std)  # fewer than the sample: all
    there = (disk.train, disk.validation, on_disk.test())
    here = (memory.train, memory.validation, in_memory.test())
    for stored, images in zip(there, here, strict=True):
        assert isinstance(stored, StoredPictures)
        assert isinstance(images, Images)
        assert stored.shape == images.shape == (3, 12)
        assert torch.equal(stored.load().pixels, images.pixels)
        assert torch.equal(stored.labels, images.labels)


def test_many_images_stay_on_disk_by_themselves(tmp_path, monkeypatch):
    write_pictures(tmp_path, 12)
    whole = 29 * 3 * 16 * 16  # training and validation images: a fifth is for the test
    monkeypatch.setattr(folder_module, "LARGEST_IN_MEMORY", whole)
    assert isinstance(ImageFolder(tmp_path, image_size=16).load(0).train, Images)
    monkeypatch.setattr(folder_module, "LARGEST_IN_MEMORY", whole - 1)
    source = ImageFolder(tmp_path, image_size=16)
    assert isinstance(source.load(0).train, StoredPictures)
    assert isinstance(source.test(), StoredPictures)
    assert isinstance(ImageFolder(tmp_path, image_size=16, stored=False).load(0).train, Images)


def test_statistics_of_pictures_on_disk_are_those_of_a_sample(tmp_path, monkeypatch):
    write_pictures(tmp_path, 20)
    whole = ImageFolder(tmp_path, stored=True).load(0)
    monkeypatch.setattr(folder_module, "STATISTICS_SAMPLE", 20)
    sampled = ImageFolder(tmp_path, stored=True).load(0)
    assert sampled.mean != whole.mean
    assert sampled.mean == pytest.approx(whole.mean, abs=0.1)
    assert sampled.std == pytest.approx(whole.std, abs=0.1)
    assert ImageFolder(tmp_path, stored=True, workers=0).load(0).mean == sampled.mean


@pytest.mark.parametrize("stored", [True, False])
def test_statistics_may_be_given_and_belong_to_the_fingerprint(tmp_path, stored):
    write_pictures(tmp_path)
    options = {"mean": "0.485,0.456,0.406", "std": "0.229,0.224,0.225", "stored": stored}
    given = ImageFolder(tmp_path, **options).load(0)
    assert given.mean == (0.485, 0.456, 0.406)
    assert given.std == (0.229, 0.224, 0.225)
    assert given.fingerprint != ImageFolder(tmp_path, stored=stored).load(0).fingerprint
    for wrong in ("0.1,0.2", 0.5, "a,b,c", "0.1,0.2,1.5", "0.1,0.2,0"):
        with pytest.raises(DataError, match=r"std=.* must be 3 numbers from 0\.00392 to 1"):
            ImageFolder(tmp_path, **options | {"std": wrong}).load(0)


def test_the_fingerprint_of_pictures_on_disk(tmp_path):
    write_pictures(tmp_path, 10)
    options = {"stored": True, "image_size": 16, "validation": 6, "workers": 0}

    def fingerprint(seed=0, **changes):
        return ImageFolder(tmp_path, **options | changes).load(seed).fingerprint

    first = fingerprint()
    assert fingerprint(workers=2) == first
    digests = {first, fingerprint(seed=1), fingerprint(validation=7), fingerprint(limit=20)}
    digests |= {fingerprint(image_size=8), fingerprint(crop_share=0.875)}
    assert len(digests) == 6
    train = ImageFolder(tmp_path, **options).load(0).train
    path = Path(train.table.picture(int(train.rows[0]))[0])
    path.rename(path.with_name("renamed.jpg"))
    assert fingerprint() not in digests


def test_the_papers_split_is_a_number_of_training_images(tmp_path):
    write_pictures(tmp_path / "train", 20)
    write_pictures(tmp_path / "val", 2)
    source = registry.load("data", f"{tmp_path}?validation=9&stored=true&workers=0")
    data = source.load(4)
    assert len(data.validation_rows) == 9
    assert torch.bincount(data.validation.labels).tolist() == [3, 3, 3]
    assert data.validation.rows.tolist() == list(data.validation_rows)
    assert not set(data.train.rows) & set(data.validation_rows)
    assert len(data.train) == 51


def test_the_split_to_test_on_can_be_named(tmp_path):
    write_split(tmp_path / "train")
    write_split(tmp_path / "test", count=1)
    write_split(tmp_path / "val", count=4)
    assert len(ImageFolder(tmp_path).test()) == 3
    assert len(ImageFolder(tmp_path, test="val").test()) == 12
    with pytest.raises(DataError, match=r"has no split for test=dev; .* or leave test out"):
        ImageFolder(tmp_path, test="dev").load(0)


def test_a_few_headers_of_many_decide_the_format(tmp_path, monkeypatch):
    write_split(tmp_path, count=20)
    opened = []
    look = survey_module.header
    monkeypatch.setattr(survey_module, "HEADERS", 8)
    monkeypatch.setattr(survey_module, "header", lambda *a: opened.append(a) or look(*a))
    data = ImageFolder(tmp_path, stored=True, workers=0).load(0)
    assert data.train.shape == (3, 16)
    assert len(opened) == 8
