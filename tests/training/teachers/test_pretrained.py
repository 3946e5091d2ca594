"""Which trained networks can teach, and what tells them apart."""

import json
import shutil
from dataclasses import replace

import pytest
import torch

from evo_nas.core.plugins.trusted_code import ALLOW, trusting
from evo_nas.errors import CheckpointError, RecipeError, SpecError
from evo_nas.results.networks.export import Wish, export
from evo_nas.results.networks.trained import load_trained
from evo_nas.training.teachers.pretrained import load_pretrained, whole_name
from evo_nas.training.weights import (
    describe_weights,
    read_description,
    read_state_dict,
    save_weights,
)
from tests.kit.spaces import shallow_toml


def test_weights_tell_the_network_and_how_it_reads_images(save_teacher):
    path = save_teacher()
    found, trained = load_pretrained(str(path)), load_trained(str(path))
    assert (found.preprocessing, found.classes) == (trained.about.preprocessing, tuple("abc"))
    images = torch.randn(3, 1, 4, 4)
    assert torch.equal(found.network(images), trained.network(images))
    assert not found.network.training
    assert not any(parameter.requires_grad for parameter in found.network.parameters())


def test_a_model_folder_is_the_network_that_it_was_made_of(save_teacher, tmp_path):
    path, folder = save_teacher(), tmp_path / "model"
    export(load_trained(str(path)), Wish(images=3), folder)
    assert load_pretrained(str(folder)).digest == load_pretrained(str(path)).digest


def test_a_folder_that_carries_its_space_is_read_by_it(save_teacher, tmp_path):
    path, folder = tmp_path / "shallow.toml", tmp_path / "model"
    path.write_text(shallow_toml(heads="1"))
    trained = load_trained(str(save_teacher(spec=f"toml_space?file={path}", classes="abcde")))
    export(trained, Wish(images=3), folder)
    path.unlink()
    images = torch.randn(2, 1, 16, 16)
    found = load_pretrained(str(folder.rename(tmp_path / "elsewhere")))
    torch.testing.assert_close(found.network(images), trained.network(images))


def test_code_that_nobody_here_has_named_is_not_run(save_teacher, monkeypatch, tmp_path):
    path = save_teacher()
    monkeypatch.delenv(ALLOW)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with pytest.raises(SpecError, match=r"teacher.safetensors would run code .*tinyspace"):
        load_pretrained(str(path))
    with trusting(True):
        assert load_pretrained(str(path)).classes == tuple("abc")


def test_a_digest_is_of_weights_statistics_and_classes_and_not_of_the_place(save_teacher, tmp_path):
    first = save_teacher()
    digest = load_pretrained(str(first)).digest
    copy = shutil.copy(first, tmp_path / "copy.safetensors")
    assert load_pretrained(str(copy)).digest == digest
    others = [save_teacher("weights", seed=2), save_teacher("classes", classes="abd")]
    digests = {load_pretrained(str(path)).digest for path in others}
    assert len(digests | {digest}) == 3


def test_what_does_not_tell_all_of_itself_is_refused(save_teacher, tmp_path):
    bare = save_teacher("bare", told=False)
    with pytest.raises(RecipeError, match=r"bare.*does not say of which network.*evo-nas export"):
        load_pretrained(str(bare))
    with pytest.raises(RecipeError, match=r"'.*absent' is not there; name the folder"):
        load_pretrained(str(tmp_path / "absent"))
    with pytest.raises(CheckpointError, match=r"is a folder without model\.safe"):
        load_pretrained(str(tmp_path))
    record = tmp_path / "best.json"
    record.write_text(json.dumps({"space": "glit", "genome": []}))
    with pytest.raises(RecipeError, match="does not say of which network"):
        load_pretrained(str(record))


def test_more_classes_than_names_are_refused(save_teacher):
    path = save_teacher()
    about = replace(read_description(path), classes=("a", "b"))
    save_weights(path, read_state_dict(path), describe_weights(about))
    with pytest.raises(RecipeError, match="it tells 3 classes apart, where there are 2"):
        load_pretrained(str(path))


def test_names_are_whole_wherever_they_are_used(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert whole_name("runs/x") == str(tmp_path / "runs" / "x")
    assert whole_name("timm:resnet18") == "timm:resnet18"
    assert whole_name("timm:local-dir:mine") == f"timm:local-dir:{tmp_path / 'mine'}"
