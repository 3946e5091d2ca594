import multiprocessing
import os
import pickle
import signal

import numpy as np
import pytest
import torch

from evo_nas.core.streams import Streams
from evo_nas.core.workers.pool import run_unordered
from evo_nas.data import stored as stored_module
from evo_nas.data.decode import decode
from evo_nas.data.folders.class_folders import list_folder
from evo_nas.data.format import Format
from evo_nas.data.source import search_data
from evo_nas.data.stored import PIECE, stored_pictures
from evo_nas.errors import DataError
from evo_nas.training.batches import Batches, measure, seeded_weights
from evo_nas.training.loop import fit
from evo_nas.training.recipe import Augmentation, Phase
from tests.kit.images import COLOURS, write_pictures
from tests.kit.training import Epochs, StopError, same

CPU = torch.device("cpu")
WHOLE = (0.08, 1.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp("pictures"), 12)


def stored(folder, workers=0, size=16, rows=None):
    table = list_folder(folder)
    rows = np.arange(len(table)) if rows is None else np.asarray(rows)
    return stored_pictures(table, rows, table.classes, Format(size, 3), workers)


def shuffled(batch=3, seed=0):
    return list(torch.from_numpy(np.random.default_rng(seed).permutation(36).reshape(-1, batch)))


def forked():
    return [p for p in multiprocessing.active_children() if type(p).__name__ == "ForkProcess"]


def readers():
    return len(forked())


def test_rows_labels_and_shape(folder):
    pictures = stored(folder, rows=[35, 0, 13])
    assert len(pictures) == 3
    assert pictures.labels.tolist() == [2, 0, 1]
    assert pictures.shape == (3, 16)
    assert pictures.nbytes == 3 * 3 * 16 * 16
    taken = pictures.take([2, 2, 0])
    assert taken.labels.tolist() == [1, 1, 2]
    path = f"{folder}/leaf/001.jpg"
    expected = torch.tensor(decode(path, path, Format(16, 3)))
    loaded = taken.load()
    assert torch.equal(loaded.pixels[0], expected)
    assert torch.equal(loaded.pixels[1], expected)
    assert torch.equal(loaded.labels, taken.labels)
    assert "read by the training process from" in pictures.kept
    assert "read by 2 processes" in stored(folder, 2).kept


@pytest.mark.parametrize("crop", [None, WHOLE])
def test_any_number_of_workers_reads_the_same_in_the_same_order(folder, crop):
    order = shuffled()
    here = list(stored(folder).read(order, CPU, 7, crop))
    assert [tuple(batch.shape) for batch in here] == [(3, 3, 16, 16)] * 12
    middles = stored(folder).load().pixels[torch.cat(order)]
    assert torch.equal(torch.cat(here), middles) == (crop is None)
    for workers in (1, 2):
        there = list(stored(folder, workers).read(order, CPU, 7, crop))
        assert all(torch.equal(a, b) for a, b in zip(here, there, strict=True))


def test_crops_follow_the_seed_and_the_place_alone(folder):
    pictures = stored(folder)
    same = [torch.tensor([4, 4, 4])] * 2
    parts = torch.cat(list(pictures.read(same, CPU, 1, WHOLE)))
    assert len({part.numpy().tobytes() for part in parts}) == 6  # repeated images: other parts
    regrouped = torch.cat(list(pictures.read([torch.tensor([4] * 6)], CPU, 1, WHOLE)))
    assert torch.equal(parts, regrouped)
    other = torch.cat(list(pictures.read(same, CPU, 2, WHOLE)))
    assert not any(torch.equal(a, b) for a, b in zip(parts, other, strict=True))
    swapped = torch.cat(list(pictures.read([torch.tensor([9, 4])], CPU, 1, WHOLE)))
    assert torch.equal(swapped[1], parts[1])


def test_batches_larger_than_a_piece_are_put_together_in_order(folder):
    pictures = stored(folder, rows=[0, 20] * 100, size=8, workers=2)
    order = [torch.arange(2 * PIECE + 5), torch.arange(3)]
    first, second = pictures.read(order, CPU)
    assert len(first) == 2 * PIECE + 5
    assert torch.equal(first[:3], second)
    assert torch.equal(first[PIECE : PIECE + 2], first[:2])


def test_workers_end_with_what_is_read_and_where_that_is_given_up(folder):
    assert readers() == 0
    reading = stored(folder, 2).read(shuffled(), CPU)
    next(reading)
    assert readers() == 2
    assert len(list(reading)) == 11
    assert readers() == 0
    for _ in Batches(stored(folder, 2), Normal, 16).epoch(shuffled(), crop=WHOLE):
        assert readers() == 2
        break
    assert readers() == 0


def test_a_few_pictures_are_read_without_workers(folder):
    reading = stored(folder, 2).read([torch.arange(36)], CPU)
    next(reading)
    assert readers() == 0


def test_workers_are_shared_out(folder):
    assert stored(folder, 4).for_processes(2).workers == 2
    assert stored(folder, 1).for_processes(2).workers == 0


@pytest.mark.slow
def test_a_worker_that_is_killed_is_told_in_one_line(folder):
    reading = stored(folder, 2).read(shuffled(batch=1), CPU)
    next(reading)
    for process in forked():
        process.kill()
    with pytest.raises(DataError, match=r"a process that decodes pictures has ended .*workers=$"):
        list(reading)
    assert readers() == 0
    assert signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL  # nothing is raised later on


@pytest.mark.parametrize("workers", [0, 2])
def test_a_picture_that_is_gone_is_told_in_one_line(tmp_path, workers):
    pictures = stored(write_pictures(tmp_path, 12), workers)
    (tmp_path / "leaf" / "005.jpg").unlink()
    with pytest.raises(DataError, match=r"005\.jpg cannot be read \(No such .*\); bring it back$"):
        list(pictures.read(shuffled(), CPU))
    assert readers() == 0


def test_classes_may_be_those_of_another_table(folder):
    table, rows = list_folder(folder), np.arange(36)
    known = ("sky", "zebra", "apple", "leaf")
    pictures = stored_pictures(table, rows, known, Format(8, 3), 0)
    assert pictures.labels.tolist() == [2] * 12 + [3] * 12 + [0] * 12
    with pytest.raises(DataError, match="class 'sky', which the training split has not"):
        stored_pictures(table, rows, ("apple", "leaf"), Format(8, 3), 0)


def test_the_global_random_stream_is_left_alone(folder):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    for workers in (0, 2):
        list(stored(folder, workers).read(shuffled(), CPU, 1, WHOLE))
    assert torch.equal(torch.rand(3), expected)


def mean_pixel(pictures):
    return float(torch.cat(list(pictures.read(shuffled(), CPU))).float().mean())


@pytest.mark.slow
def test_worker_processes_may_have_readers_of_their_own(folder):
    tasks = [stored(folder, 2), stored(folder, 0)]
    assert len(pickle.dumps(tasks[0])) < 36 * 100 + 2000  # no pixels are sent
    first, second = dict(run_unordered(mean_pixel, tasks, workers=2)).values()
    assert first == second == mean_pixel(stored(folder))


class Normal:
    mean, std = (0.5,) * 3, (0.25,) * 3


def trained(folder, workers, checkpoint=None, progress=None):
    pictures = stored(folder, workers)
    data = search_data("p", pictures, pictures, tuple(COLOURS), range(36))
    with seeded_weights(1):
        network = torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Dropout(0.1), torch.nn.Linear(768, 3)
        )
    phase = Phase("adamw", 3, 6, 1e-3, 0.05, augmentation=Augmentation(0.08, horizontal_flip=0.5))
    batches = Batches(pictures, data, 16)
    fit(network, batches, phase, Streams(3), checkpoint=checkpoint, progress=progress)
    return network


@pytest.mark.slow
def test_training_goes_on_bit_for_bit_with_any_number_of_workers(folder, tmp_path):
    whole = trained(folder, 0)
    assert same(trained(folder, 2), whole)
    for before, after in ((0, 2), (2, 0), (2, 2)):
        checkpoint = tmp_path / f"{before}{after}"
        with pytest.raises(StopError):
            trained(folder, before, checkpoint, Epochs(stop_after=1))
        assert same(trained(folder, after, checkpoint), whole)
    pictures = stored(folder, 2)
    read, loaded = (measure(whole, Batches(p, Normal, 16)) for p in (pictures, pictures.load()))
    assert np.array_equal(read.correct, loaded.correct)


def test_ctrl_c_waits_until_workers_have_started_and_ended(folder, monkeypatch):
    start = stored_module.DataLoader.__iter__

    def interrupted(loader):
        signal.raise_signal(signal.SIGINT)
        found = start(loader)
        assert readers() == 2
        for process in forked():
            os.kill(process.pid, signal.SIGINT)  # the terminal sends it to all
        return found

    monkeypatch.setattr(stored_module.DataLoader, "__iter__", interrupted)
    handler = signal.getsignal(signal.SIGINT)
    reading = stored(folder, 2).read(shuffled(), CPU)
    with pytest.raises(KeyboardInterrupt):
        next(reading)
    assert readers() == 0
    assert signal.getsignal(signal.SIGINT) is handler


def test_workers_pay_no_heed_to_ctrl_c(folder):
    expected = list(stored(folder).read(shuffled(batch=1), CPU))
    reading = stored(folder, 2).read(shuffled(batch=1), CPU)
    found = [next(reading)]
    for process in forked():
        os.kill(process.pid, signal.SIGINT)
    found += reading
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
@pytest.mark.parametrize("workers", [0, 2])
def test_a_gpu_reads_the_same(folder, workers):
    expected = list(stored(folder).read(shuffled(), CPU, 7, WHOLE))
    found = list(stored(folder, workers).read(shuffled(), torch.device("cuda"), 7, WHOLE))
    assert all(batch.is_cuda for batch in found)
    assert all(torch.equal(a.cpu(), b) for a, b in zip(found, expected, strict=True))
