import numpy as np
import pytest

from evo_nas.core.plugins import places, registry
from evo_nas.data import given
from evo_nas.errors import DataError
from tests.kit.images import picture

datasets = pytest.importorskip("datasets")


def rows(count):
    columns = {"image": [picture((90, 140, 250), (8, 8), n) for n in range(count)],
               "label": [n % 3 for n in range(count)]}  # fmt: skip
    features = {"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b", "c"])}
    return datasets.Dataset.from_dict(columns, features=datasets.Features(features))


def test_a_saved_dataset_and_the_open_one_are_the_same_images(tmp_path):
    whole = datasets.DatasetDict({"train": rows(30), "test": rows(9)})
    whole.save_to_disk(str(tmp_path / "saved"))
    by_name, is_open = registry.load("data", f"hf:{tmp_path / 'saved'}"), given(whole)
    data = by_name.load(0)
    assert data.classes == ("a", "b", "c")
    assert data.train.pixels.equal(is_open.load(0).train.pixels)
    assert len(is_open.test()) == 9
    assert registry.load("data", is_open.spec) is is_open


def test_a_part_of_a_dataset_is_that_part():
    part = rows(30).select(range(10, 30))
    source = given(part)
    data = source.load(0)
    assert len(data.train) + len(data.validation) + len(source.test()) == 20
    assert given(rows(30)).spec != source.spec == given(rows(30).select(range(10, 30))).spec


def test_what_is_not_in_the_cache_is_refused_with_the_command_that_fetches_it():
    with pytest.raises(DataError, match=r"fetch it once: python -c .*load_dataset\('no/thing'\)"):
        registry.load("data", "hf:no/thing")


def test_a_name_is_no_path_and_no_code():
    assert places.absolute("data", "hf:no/thing?limit=9") == "hf:no/thing?limit=9"
    assert list(places.code_in("hf:no/thing")) == []


def test_decoded_parquet_is_kept_until_a_file_changes(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rows(30).to_parquet(str(tmp_path / "train.parquet"))
    first = registry.load("data", str(tmp_path)).load(0)
    (kept,) = (tmp_path / "cache" / "evo-nas" / "pictures").iterdir()
    changed = np.load(kept)
    np.save(kept, 255 - changed)  # to see that it is read
    again = registry.load("data", str(tmp_path)).load(0)
    assert again.train.pixels.equal(255 - first.train.pixels)
    kept.write_bytes(b"damaged")
    assert registry.load("data", str(tmp_path)).load(0).train.pixels.equal(first.train.pixels)
    rows(27).to_parquet(str(tmp_path / "train.parquet"))
    other = registry.load("data", str(tmp_path)).load(0)
    assert len(other.train) < len(first.train)
