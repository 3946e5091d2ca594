import pickle
from pathlib import Path

import pytest
import torch

from evo_nas.core.workers.pool import run_unordered
from evo_nas.core.workers.shared import SharedFile, read_shared
from evo_nas.data import images as imageset
from evo_nas.data.images import Images, prepare
from evo_nas.training.batches import Batches

CPU = torch.device("cpu")


@pytest.fixture
def images():
    pixels = torch.arange(6 * 3 * 4 * 4).reshape(6, 3, 4, 4).to(torch.uint8)
    return Images(pixels, torch.arange(6) % 2)


class Normal:
    mean, std = (0.0,) * 3, (1 / 255,) * 3


def test_shape_and_rows(images):
    assert images.shape == (3, 4)
    assert len(images) == 6
    taken = images.take([4, 1])
    assert torch.equal(taken.pixels, images.pixels[[4, 1]])
    assert taken.labels.tolist() == [0, 1]
    again = pickle.loads(pickle.dumps(images))
    assert torch.equal(again.pixels, images.pixels)
    assert torch.equal(again.labels, images.labels)


def memory_and_sum(shared):
    """The file that the pixels of shared images are mapped from, if any, and their sum."""
    images = read_shared(shared)
    address = images.pixels.data_ptr()
    for line in Path("/proc/self/maps").read_text().splitlines():
        first, last = (int(end, 16) for end in line.split()[0].split("-"))
        if first <= address < last:
            return line.partition("/")[2], int(images.pixels.sum())
    return "", int(images.pixels.sum())


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="asks Linux what is mapped")
def test_large_images_are_shared_between_processes_not_copied():
    images = Images(torch.ones((200_000, 1, 4, 4), dtype=torch.uint8), torch.zeros(200_000).long())
    shared = SharedFile(images)
    results = dict(run_unordered(memory_and_sum, [shared.path] * 2, workers=2))
    shared.close()
    assert results[0] == results[1] == (str(shared.path)[1:], 3_200_000)


def test_what_is_too_large_for_a_device_stays_on_the_host(images, monkeypatch):
    device = torch.device("meta")  # holds shapes only, and is no CPU
    assert images.at(device).pixels.device == device
    monkeypatch.setattr(imageset, "LARGEST_ON_DEVICE", images.pixels.nbytes - 1)
    kept = images.at(device)
    assert kept.pixels.device == CPU
    assert kept.labels.device == device
    moved = list(kept.read([torch.tensor([1, 2]), torch.tensor([0])], device))
    assert [batch.device for batch in moved] == [device] * 2
    assert [tuple(batch.shape) for batch in moved] == [(2, 3, 4, 4), (1, 3, 4, 4)]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_large_images_go_to_a_gpu_batch_by_batch(images, monkeypatch):
    expected = list(Batches(images, Normal, 4, "cuda").in_order(4))
    monkeypatch.setattr(imageset, "LARGEST_ON_DEVICE", 1)
    device = torch.device("cuda")
    assert images.at(device).pixels.is_pinned()
    found = list(Batches(images, Normal, 4, "cuda").in_order(4))
    for (pixels, labels), (same, names) in zip(found, expected, strict=True):
        assert torch.equal(pixels, same)
        assert torch.equal(labels, names)


def test_batches_in_every_grouping_are_the_same_images(images):
    batches = Batches(images, Normal, 4)
    everything, labels = next(batches.in_order())
    assert torch.equal(everything, images.pixels.float())
    for size in (1, 4, 6):
        parts = list(batches.in_order(size))
        assert torch.equal(torch.cat([pixels for pixels, _ in parts]), everything)
        assert torch.equal(torch.cat([names for _, names in parts]), labels)
    order = torch.tensor([[5, 0], [2, 2]])
    (first, names), _ = batches.epoch(order, seed=1, crop=(0.08, 1.0))
    assert torch.equal(first, everything[[5, 0]])
    assert names.tolist() == [1, 0]


def test_normalises_each_channel():
    pixels = torch.randint(0, 256, (6, 3, 8, 8), dtype=torch.uint8)
    shares = pixels.to(torch.float64) / 255
    mean, std = shares.mean((0, 2, 3)), shares.std((0, 2, 3))
    images = prepare(pixels, tuple(mean.tolist()), tuple(std.tolist()), 8)
    assert images.dtype == torch.float32
    expected = (shares - mean.view(-1, 1, 1)) / std.view(-1, 1, 1)
    torch.testing.assert_close(images.double(), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("stored", [4, 8, 20])
def test_resizes_only_what_has_another_size(stored):
    pixels = torch.full((2, 1, stored, stored), 51, dtype=torch.uint8)
    before = pixels.clone()
    images = prepare(pixels, (0.0,), (1.0,), 8)
    assert images.shape == (2, 1, 8, 8)
    torch.testing.assert_close(images, torch.full((2, 1, 8, 8), 0.2))
    assert torch.equal(pixels, before)


def test_a_row_does_not_depend_on_the_others():
    pixels = torch.randint(0, 256, (5, 1, 10, 10), dtype=torch.uint8)
    together = prepare(pixels, (0.3,), (0.2,), 8)
    alone = torch.cat([prepare(row[None], (0.3,), (0.2,), 8) for row in pixels])
    assert torch.equal(together, alone)
