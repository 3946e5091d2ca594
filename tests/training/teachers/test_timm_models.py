"""Networks of timm as teachers; something stands in its place, as it takes torchvision."""

import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch

from evo_nas.data.preprocessing import Preprocessing
from evo_nas.errors import RecipeError
from evo_nas.training.teachers.pretrained import load_pretrained
from tests.kit.loading import Convolutional


@pytest.fixture
def stand_in(monkeypatch):
    """Modules in the place of timm, and what its network of three classes says of itself."""
    about = {"num_classes": 3, "input_size": (3, 16, 16), "mean": (0.5, 0.4, 0.3), "std": (1, 1, 1)}

    def create_model(name, pretrained=False):
        assert pretrained
        if name != "small":
            raise RuntimeError(f"Unknown model ({name})")
        network = Convolutional(3, 3)
        network.pretrained_cfg = about
        return network

    timm, data = ModuleType("timm"), ModuleType("timm.data")
    timm.create_model, timm.data = create_model, data
    data.resolve_model_data_config = lambda network: network.pretrained_cfg
    data.infer_imagenet_subset = lambda known: "three" if known["num_classes"] == 3 else None
    data.ImageNetInfo = lambda subset: SimpleNamespace(label_names=lambda: ["n1", "n2", "n3"])
    monkeypatch.setitem(sys.modules, "timm", timm)
    monkeypatch.setitem(sys.modules, "timm.data", data)
    return about


def test_a_network_tells_how_it_reads_images_and_its_classes_by_synset(stand_in):
    torch.manual_seed(3)
    state = torch.get_rng_state()
    found = load_pretrained("timm:small")
    assert torch.equal(torch.get_rng_state(), state)
    assert found.preprocessing == Preprocessing(16, 3, (0.5, 0.4, 0.3), (1.0, 1.0, 1.0))
    assert found.classes == ("n1", "n2", "n3")
    assert not found.network.training


@pytest.mark.parametrize("names", [["a", "b", "c"], {"2": "c", "0": "a", "1": "b"}])
def test_names_that_it_has_of_its_own_go_first(stand_in, names):
    stand_in["label_names"] = names
    assert load_pretrained("timm:small").classes == ("a", "b", "c")


def test_what_timm_does_not_give_is_told_in_one_line(stand_in, monkeypatch):
    with pytest.raises(RecipeError, match=r"timm gives no teacher 'smal': .*Unknown model"):
        load_pretrained("timm:smal")
    stand_in["input_size"] = (3, 16, 32)
    with pytest.raises(RecipeError, match="reads images of 32x16 pixels, and here they are square"):
        load_pretrained("timm:small")
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(RecipeError, match=r"timm:small needs packages .*'evo-nas\[timm\]'"):
        load_pretrained("timm:small")
