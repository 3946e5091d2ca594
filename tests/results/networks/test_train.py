"""Training one architecture on its own: what is saved, what is refused, what goes on."""

import json

import pytest
import torch

from evo_nas.core.plugins import registry
from evo_nas.core.progress import Silent
from evo_nas.errors import CheckpointError, RunError, SettingsError, SpecError
from evo_nas.results.facts import measured_facts
from evo_nas.results.networks import images
from evo_nas.results.networks.train import checkpoint_path, train_architecture
from evo_nas.results.networks.trained import load_trained
from evo_nas.training.batches import Batches, measure
from evo_nas.training.weights import load_weights
from tests.kit.images import write_pictures
from tests.kit.runs import Stop
from tests.kit.teachers import write_teacher

DATA = "digits?train=200&validation=100&test=50"


@pytest.fixture
def architecture(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"space": "tests.kit.plugins:Tiny", "genome": [0] * 9}))
    return path


def train(architecture, out, progress=None, **options):
    chosen = {
        "data": DATA, "recipe": "quick", "epochs": 3, "seed": 0, "device": "cpu", "threads": 1,
        **options,
    }  # fmt: skip
    return train_architecture(
        str(architecture), geometry="proxy", out=out, progress=progress or Silent(),
        **chosen,
    )  # fmt: skip


class Hear(Silent):
    """Remembers everything."""

    def __init__(self):
        self.said, self.notes = [], []

    def say(self, message):
        self.said.append(message)

    def advance(self, done, note=""):
        self.notes.append((done, note))


def test_the_saved_weights_are_the_network_that_was_measured(architecture, tmp_path):
    told = train(architecture, tmp_path / "out.safetensors")
    space = registry.load("space", "tests.kit.plugins:Tiny")
    data = registry.load("data", DATA).load(0)
    network = space.build((0,) * 9, space.proxy(8, 1, 10))
    network.load_state_dict(load_weights(tmp_path / "out.safetensors"))
    assert told["parameters"] == 64 * 10 + 10
    result = measure(network, Batches(data.validation, data, 8)).metrics()
    assert result["accuracy"] == told["validation_accuracy"]
    test = measure(network, Batches(registry.load("data", DATA).test(), data, 8))
    recalls = [test.correct[test.labels == label].mean() for label in set(test.labels.tolist())]
    assert told["test_balanced_accuracy"] == pytest.approx(sum(recalls) / len(recalls))


DEIT = {"recipe": "deit", "changes": ["batch_size=32", "weight_average=0.9"], "validate_every": 2}


@pytest.mark.parametrize(("chosen", "log"), [({}, None), (DEIT, "log")], ids=["quick", "deit"])
def test_a_stopped_training_goes_on_and_ends_the_same(architecture, tmp_path, chosen, log):
    if chosen:
        pytest.importorskip("kornia", reason="RandAugment needs kornia")
        chosen = {**chosen, "log": tmp_path / log}
    whole, stopped = tmp_path / "whole.safetensors", tmp_path / "stopped.safetensors"
    hearing = Hear()
    train(architecture, whole, epochs=4, **chosen)
    with pytest.raises(KeyboardInterrupt):
        train(architecture, stopped, Stop(), epochs=4, **chosen)
    assert not stopped.exists()
    assert checkpoint_path(stopped).exists()
    train(architecture, stopped, hearing, epochs=4, **chosen)
    expected = load_weights(whole)
    assert all(torch.equal(t, expected[name]) for name, t in load_weights(stopped).items())
    names = {"mine.json", "stopped.safetensors", "whole.safetensors"}
    assert {path.name for path in tmp_path.iterdir()} - {log} == names
    assert "training mine: 1 of 4 epochs are done; it goes on from there" in hearing.said
    notes = [note for done, note in hearing.notes if done in (2, 3, 4)]
    measured = [True, False, True] if chosen else [True] * 3
    assert [("validation accuracy" in note) for note in notes] == measured
    assert all("images/s" in note for note in notes)


@pytest.mark.slow
def test_a_published_network_learns_pictures_by_deits_recipe_through_a_stop(tmp_path):
    pytest.importorskip("kornia", reason="RandAugment needs kornia")
    pytest.importorskip("datasets", reason="folders of pictures need the extra data")

    for split, count in (("train", 60), ("test", 10)):
        write_pictures(tmp_path / "pictures" / split, count, sizes=[(16, 16)], ending="png")
    results = []
    for name, stops in (("whole", False), ("stopped", True)):
        out = tmp_path / f"{name}.safetensors"
        chosen = {"recipe": "deit", "epochs": 3, "changes": ["batch_size=16", "warmup=0.1"]}
        if stops:
            with pytest.raises(KeyboardInterrupt):
                train("glit_tiny", out, Stop(), data=str(tmp_path / "pictures"), **chosen)
        results.append(train("glit_tiny", out, data=str(tmp_path / "pictures"), **chosen))
    whole, stopped = results
    assert whole["test_accuracy"] == stopped["test_accuracy"] > 0.5  # chance is 1/3
    expected = load_weights(tmp_path / "whole.safetensors")
    found = load_weights(tmp_path / "stopped.safetensors")
    assert all(torch.equal(tensor, expected[name]) for name, tensor in found.items())


def test_a_checkpoint_of_another_network_or_of_other_images_is_refused(architecture, tmp_path):
    out = tmp_path / "out.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train(architecture, out, Stop())
    architecture.write_text(
        json.dumps({"space": "tests.kit.plugins:Tiny", "genome": [2] + [0] * 8})
    )
    with pytest.raises(CheckpointError, match=r"network is tiny 0 0.* there, tiny 2 0.* here"):
        train(architecture, out)


def test_where_nothing_can_be_saved_nothing_is_trained(architecture, tmp_path):
    with pytest.raises(RunError, match=r"no folder .*missing"):
        train(architecture, tmp_path / "missing" / "out.safetensors", Stop())
    (tmp_path / "there.safetensors").write_text("")
    with pytest.raises(RunError, match=r"there.safetensors exists"):
        train(architecture, tmp_path / "there.safetensors", Stop())


def trained_on(what, folder, **options):
    """What a short training of it, without images being named, tells and says."""
    hearing = Hear()
    told = train_architecture(
        str(what), data=None, geometry="proxy", recipe="quick", epochs=1, seed=0, device="cpu",
        threads=1, out=folder / "out.safetensors", progress=hearing, **options,
    )  # fmt: skip
    return told["data"], hearing.said


def test_the_images_are_those_of_the_run(run, tmp_path, monkeypatch):
    for number, name in enumerate((".", "best.json", "finalists/2.json", "best.safetensors")):
        folder = tmp_path / str(number)
        folder.mkdir()
        data, said = trained_on(run.folder / name, folder)
        assert data == run.config.data
        assert "data: digits?train=100&validation=50&test=50, the images of the run my run" in said
        assert any(line.startswith("splits: training 100") for line in said)
        assert any(line.startswith("the run itself trained at ") for line in said)
    monkeypatch.chdir(run.folder)
    (tmp_path / "here").mkdir()
    assert trained_on("best.json", tmp_path / "here")[0] == run.config.data


def test_a_copied_file_tells_of_its_images(run, tmp_path):
    copy = tmp_path / "copy.json"
    copy.write_bytes((run.folder / "best.json").read_bytes())
    data, said = trained_on(copy, tmp_path)
    assert data == run.config.data
    assert f"data: {data}, the images that {copy} names" in said


def test_without_images_it_is_the_digits_and_that_is_said(architecture, tmp_path, monkeypatch):
    monkeypatch.setattr(images, "DIGITS", "digits?train=100&validation=50&test=50")
    data, said = trained_on(architecture, tmp_path)
    assert data == images.DIGITS
    assert any(
        line.endswith(", the images taken by default, as nothing names others") for line in said
    )


def record(path, **told):
    path.write_text(json.dumps({"space": "tests.kit.plugins:Tiny", "genome": [0] * 9, **told}))
    return path


def test_images_that_are_gone_are_told_with_who_named_them(tmp_path):
    path = record(tmp_path / "mine.json", measured={"data": str(tmp_path / "gone")})
    with pytest.raises(SpecError, match=r"/gone'.*; these are the images that \S+mine\.json names"):
        trained_on(path, tmp_path)
    (tmp_path / "model").mkdir()
    record(tmp_path / "model" / "architecture.json", measured={"data": "pictures?limit=5"})
    with pytest.raises(SettingsError, match=r"'pictures\?limit=5', but not where they are; say it"):
        trained_on(tmp_path / "model", tmp_path)


def test_images_that_are_code_must_be_known(tmp_path, monkeypatch):
    monkeypatch.delenv("EVO_NAS_ALLOW_CODE", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "nobody's"))
    path = record(
        tmp_path / "mine.json",
        space="glit_hl",
        genome=[0] * 60,
        measured={"data": "evil.py:Images"},
    )
    with pytest.raises(SpecError, match=r"would run code .*evil\.py:Images"):
        trained_on(path, tmp_path)


@pytest.mark.parametrize("name", ["w.pth", "w", "w.onnx"])
def test_a_name_says_what_is_written(architecture, tmp_path, name):
    with pytest.raises(RunError, match=r"as safetensors: give --out \S+w\.safetensors$"):
        train(architecture, tmp_path / name, Stop())


def test_without_any_image_nothing_is_trained(architecture, tmp_path):
    with pytest.raises(SettingsError, match="'none' has no images to train on; name some"):
        train(architecture, tmp_path / "w.safetensors", Stop(), data="none")


def test_weights_are_saved_though_the_test_split_fails_at_the_end(architecture, tmp_path):
    (tmp_path / "flaky.py").write_text(
        "from evo_nas.data.digits import Digits\n"
        "class Flaky(Digits):\n"
        "    asked = 0\n"
        "    def test(self):\n"
        "        self.asked += 1\n"
        "        return super().test() if self.asked == 1 else {}['rows']\n"
    )
    out, hearing = tmp_path / "out.safetensors", Hear()
    data = f"{tmp_path / 'flaky.py'}:Flaky{DATA.removeprefix('digits')}"
    told = train(architecture, out, hearing, data=data, epochs=1)
    assert told["test_failure"] == "KeyError: 'rows' (flaky.py, line 6)"
    assert "test_accuracy" not in told
    assert load_weights(out)
    (said,) = [line for line in hearing.said if "could not be measured" in line]
    assert said.endswith("all else is delivered: KeyError: 'rows' (flaky.py, line 6)")
    assert not checkpoint_path(out).exists()


def test_a_teacher_is_told_before_and_after(architecture, tmp_path):
    teacher = write_teacher(tmp_path / "teacher.safetensors", classes="0123456789")
    out, heard = tmp_path / "w.safetensors", Hear()
    told = train(architecture, out, heard, epochs=1, changes=[f"teacher={teacher}"])
    assert (told["teacher"], told["distillation"]) == (str(teacher), "hard, weight 0.5")
    said = [line for line in heard.said if line.startswith("teacher: ")]
    assert len(said) == 1
    assert "of 100 validation images; distillation: hard, weight 0.5" in said[0]
    trained = load_trained(str(out))
    assert trained.measured["teacher"] == str(teacher)
    assert ("teacher", f"{teacher}; distillation: hard, weight 0.5") in measured_facts(
        trained.measured
    )
