"""A teacher sees a student's images as it was trained to, knows its classes, and stays the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from evo_nas.core.streams import Streams
from evo_nas.data.format import Format, Range
from evo_nas.data.images import Images, prepare
from evo_nas.data.preprocessing import Preprocessing
from evo_nas.data.source import search_data
from evo_nas.errors import CheckpointError, RecipeError
from evo_nas.training.augmentation.mixup import Batch
from evo_nas.training.batches import Batches
from evo_nas.training.loop import fit, images_taught
from evo_nas.training.recipe import Augmentation
from evo_nas.training.teachers.distillation import distillation_loss
from evo_nas.training.teachers.pretrained import Pretrained
from evo_nas.training.teachers.teacher import Teacher, find_teacher
from tests.kit.tinyspace import GEOMETRY, TinySpace, tiny_data
from tests.kit.training import SGD, Epochs, StopError, same


class Watched(nn.Module):
    """Remembers what it saw; its logit of a class is the class's number."""

    def __init__(self, classes):
        super().__init__()
        self.classes = classes

    def forward(self, images):
        self.seen = images
        return torch.arange(float(self.classes)).expand(len(images), -1)


def pretrained(size=4, channels=1, classes="abc", reading="pixels"):
    means, stds = (0.5, 0.4, 0.3)[:channels], (0.2, 0.3, 0.4)[:channels]
    seen = Preprocessing(size, channels, means, stds, reading)
    return Pretrained(Watched(len(classes)), seen, tuple(classes), "digest")


def data(channels=1, size=4, classes="abc", reading="pixels"):
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (9, channels, size, size), generator=generator)
    images = Images(pixels.to(torch.uint8), torch.arange(9) % len(classes))
    return search_data("student's", images, images, classes, range(9), reading=reading)


def shown(teacher, images, size):
    """What the teacher saw of a batch of the student's."""
    batch, _ = Batches(images.train, images, size).take(slice(0, 5))
    before = batch.clone()
    teacher(batch)
    assert torch.equal(batch, before)
    return teacher.network.seen


@pytest.mark.parametrize(("own", "student"), [(4, 4), (4, 8), (8, 8), (12, 8)])
def test_images_are_normalised_and_resized_as_the_teacher_knows_them(own, student):
    images, known = data(size=8), pretrained(size=own)
    seen = shown(Teacher("t", known, images, student), images, student)
    wanted = known.preprocessing
    as_trained = prepare(images.train.pixels[:5], wanted.mean, wanted.std, own)
    torch.testing.assert_close(seen, as_trained, atol=1e-5, rtol=1e-5)


def test_grey_images_are_shown_as_colours_and_colours_as_grey():
    grey = data(channels=1)
    seen = shown(Teacher("t", pretrained(channels=3), grey, 4), grey, 4)
    own = pretrained(channels=3).preprocessing
    as_read = prepare(grey.train.pixels[:5].expand(-1, 3, -1, -1), own.mean, own.std, 4)
    torch.testing.assert_close(seen, as_read, atol=1e-5, rtol=1e-5)
    colour = data(channels=3)
    seen = shown(Teacher("t", pretrained(channels=1), colour, 4), colour, 4)
    red, green, blue = (colour.train.pixels[:5] / 255).unbind(1)
    grey_of_pillow = 0.299 * red + 0.587 * green + 0.114 * blue
    torch.testing.assert_close(seen[:, 0], (grey_of_pillow - 0.5) / 0.2, atol=1e-5, rtol=1e-5)


def test_logits_are_those_of_the_students_classes_by_name():
    images = data(classes="cab")
    for known, expected in (("abc", [2, 0, 1]), ("xbyac", [4, 3, 1]), ("cab", [0, 1, 2])):
        teacher = Teacher("t", pretrained(classes=known), images, 4)
        assert teacher(torch.zeros(2, 1, 4, 4)).tolist() == [expected] * 2
    assert "of its 5 classes 3 count" in str(Teacher("t", pretrained(classes="xbyac"), images, 4))


FORMATS = [
    replace(Format(4, 1), kinds=("deep",), values=Range(0, high, clips=True))
    for high in (255.0, 4095.0)
]


@pytest.mark.parametrize(
    ("known", "images", "size", "said"),
    [
        (pretrained(classes="abd"), data(), 4, "lacks 'c', a class of student's .*1 of 3"),
        (pretrained(classes="abcc"), data(), 4, "two classes apart that are both called 'c'"),
        (pretrained(classes=""), data(), 4, "does not say what its classes are called"),
        (pretrained(channels=3), data(channels=2), 4, "t reads 3 channels, student's has 2"),
        (pretrained(size=16), data(size=8), 4, "16x16 pixels.*keep 4x4 of 8x8.*image_size=8"),
        (pretrained(reading=FORMATS[0]), data(reading=FORMATS[1]), 4,
         r"read pictures otherwise: .*0\.\.255 become .*, and student's: .*0\.\.4095 become"),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_rightly_is_refused_in_one_line(known, images, size, said):
    with pytest.raises(RecipeError, match=said) as caught:
        Teacher("t", known, images, size)
    assert "\n" not in str(caught.value)


def test_pictures_of_other_kinds_are_no_reason_to_refuse():
    plain = replace(FORMATS[1], kinds=("transparent",))
    Teacher("t", pretrained(reading=FORMATS[0]), data(reading=plain), 4)


# -- in a training -------------------------------------------------------------------------------


@pytest.fixture
def taught(save_teacher):
    path = save_teacher()
    return replace(SGD, teacher=str(path), augmentation=Augmentation(mixup=0.8))


def batches():
    images = tiny_data()
    return Batches(images.train, images, GEOMETRY.image_size)


def student():
    torch.manual_seed(5)
    return TinySpace().build((0, 1), GEOMETRY)


def learn(phase, **options):
    network = student()
    fit(network, batches(), phase, Streams(0), **options)
    return network


def test_a_phase_gets_the_digest_of_its_teacher_and_keeps_to_it(taught, save_teacher):
    phase, teacher = find_teacher(taught, tiny_data(), 4)
    assert teacher.digest == phase.teacher_digest
    assert phase.identity != taught.identity
    again, _ = find_teacher(phase, tiny_data(), 4)
    assert again == phase
    save_teacher(seed=2)  # in its place
    moved = replace(phase, teacher_digest=phase.teacher_digest[::-1])
    with pytest.raises(RecipeError, match=r"is not the one that this training was prepared with"):
        find_teacher(moved, tiny_data(), 4)
    other, _ = find_teacher(taught, tiny_data(), 4)
    assert other.teacher_digest != phase.teacher_digest
    assert find_teacher(SGD, tiny_data(), 4) == (SGD, None)


@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_a_step_follows_labels_and_teacher_as_they_are_weighed(taught, kind):
    phase = replace(taught, distillation=kind, distillation_weight=0.25)
    phase, teacher = find_teacher(phase, tiny_data(), 4)
    images, labels = batches().take(slice(0, 16))
    plain, logits = Batch(images, labels), student()(images).detach()
    batch = teacher.teach(plain)
    assert torch.equal(batch.taught, teacher(images))
    assert not batch.taught.requires_grad
    temperature = phase.distillation_temperature
    expected = 0.75 * plain.loss(logits, phase)
    expected += 0.25 * distillation_loss(logits, teacher(images), kind, temperature)
    assert float(batch.loss(logits, phase)) == pytest.approx(float(expected))
    parts = [(part, part.loss(piece, phase)) for part, piece in
             zip(batch.split(3), logits.tensor_split(3), strict=True)]  # fmt: skip
    mean = sum(loss * len(part) for part, loss in parts) / 16
    assert float(mean) == pytest.approx(float(expected))


def test_the_teacher_sees_what_the_student_sees_and_does_not_change(taught, monkeypatch):
    seen, teach = [], Teacher.teach

    def watched(self, batch):
        seen.append((batch.images.clone(), self.training, self.network[1].net[1].running_mean))
        return teach(self, batch)

    monkeypatch.setattr(Teacher, "teach", watched)
    _, before = find_teacher(taught, tiny_data(), 4)
    statistics = before.network[1].net[1].running_mean.clone()
    network = learn(taught)
    assert len(seen) == 3 * 6
    assert not any(training for _, training, _ in seen)
    assert torch.equal(seen[-1][2], statistics)
    mixed = seen[0][0]  # as no image of the set is
    whole, _ = batches().take(slice(None))
    assert (mixed[:, None] - whole[None]).abs().amax((2, 3, 4)).min() > 0
    assert not same(network, learn(replace(taught, teacher="")))


def test_a_taught_training_goes_on_bit_for_bit(taught, tmp_path):
    checkpoint = tmp_path / "checkpoint"
    with pytest.raises(StopError):
        learn(taught, checkpoint=checkpoint, progress=Epochs(stop_after=1))
    torch.manual_seed(99)
    assert same(learn(taught, checkpoint=checkpoint), learn(taught))


def test_a_training_does_not_go_on_with_another_teacher(taught, save_teacher, tmp_path):
    checkpoint = tmp_path / "checkpoint"
    with pytest.raises(StopError):
        learn(taught, checkpoint=checkpoint, progress=Epochs(stop_after=1))
    save_teacher(seed=2)  # in its place
    with pytest.raises(CheckpointError, match=r"another training: teacher_digest is \w+ there"):
        learn(taught, checkpoint=checkpoint)


def test_a_teacher_sees_each_image_that_is_trained_on(taught):
    assert images_taught(taught, 2, 96) == 2 * 96
    assert images_taught(SGD, 2, 96) == 0
