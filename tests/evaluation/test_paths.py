import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  the name that PyTorch code uses
from torch import nn

from evo_nas.core.devices import torch_threads
from evo_nas.data.images import Images, prepare
from evo_nas.evaluation.paths import score
from evo_nas.space.supernet import Step, Supernet

PREPARE = partial(prepare, mean=(0.4,), std=(0.3,), size=4)


@pytest.fixture(autouse=True)
def _one_thread():
    with torch_threads(1):
        yield


class Toy(Supernet):
    """Three positions of three operators; a genome is which."""

    def __init__(self):
        super().__init__()
        self.calls = 0
        self.positions = nn.ModuleList(
            nn.ModuleList(
                (
                    nn.Sequential(nn.Linear(8, 8), nn.GELU()),
                    nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.GELU()),
                    nn.Sequential(nn.BatchNorm1d(8), nn.Linear(8, 8), nn.BatchNorm1d(8)),
                )
            )
            for _ in range(3)
        )
        self.stem, self.head = nn.Linear(16, 8), nn.Linear(8, 5)

    def steps(self, genome):
        steps = [Step("stem", lambda images: self._run(self.stem, images.flatten(1)))]
        for position, gene in enumerate(genome):
            module = self.positions[position][gene]
            norms = tuple(m for m in module.modules() if isinstance(m, nn.BatchNorm1d))
            steps.append(Step((position, gene), partial(self._run, module), norms))
        return [*steps, Step("head", partial(self._run, self.head))]

    def _run(self, module, tensor):
        self.calls += 1
        return module(tensor)

    def extract(self, genome):
        raise NotImplementedError


GENOMES = [(0, 1, 2), (0, 1, 1), (2, 2, 2), (1, 0, 0), (0, 1, 2), (0, 0, 0), (2, 2, 0)]


@pytest.fixture
def toy():
    torch.manual_seed(0)
    return Toy()


def pixels(count, seed):
    source = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 1, 4, 4), dtype=torch.uint8, generator=source)


def validation(count):
    return Images(pixels(count, 1), torch.arange(count) % 5)


@pytest.mark.parametrize("batch_size", [4, 7, 64])
def test_scores_do_not_depend_on_company(toy, batch_size):
    run = partial(
        score,
        toy,
        validation=validation(13),
        calibration=pixels(9, 2),
        prepare=PREPARE,
        batch_size=batch_size,
    )
    together = run(GENOMES)
    alone = tuple(run([genome])[0] for genome in GENOMES)
    backwards = run(GENOMES[::-1])
    assert together == alone == backwards[::-1]
    assert together[0] == together[4]
    assert len({metrics["loss"] for metrics in together}) == len(GENOMES) - 1


def by_hand(toy, genome, images, calibration):
    """One candidate: statistics of one calibration batch into BatchNorm, then evaluation mode."""
    toy.select(genome)
    toy.train()
    for norm in toy.modules():
        if isinstance(norm, nn.BatchNorm1d):
            norm.momentum = 1.0
    with torch.no_grad():
        toy(PREPARE(calibration))
        return toy.eval()(PREPARE(images.pixels))


def test_scores_by_hand(toy):
    images, calibration = validation(13), pixels(9, 2)
    metrics = score(toy, GENOMES, images, calibration, PREPARE)
    for genome, found in zip(GENOMES, metrics, strict=True):
        logits = by_hand(toy, genome, images, calibration)
        right = (logits.argmax(1) == images.labels).double()
        assert found["accuracy"] == right.mean()
        assert found["accuracy_even"] == right[0::2].mean()
        assert found["accuracy_odd"] == right[1::2].mean()
        loss = F.cross_entropy(logits.double(), images.labels).item()
        assert found["loss"] == pytest.approx(loss, abs=1e-6)
        halves = 7 * found["loss_even"] + 6 * found["loss_odd"]
        assert halves == pytest.approx(13 * loss, abs=1e-5)


def test_statistics_are_averages_over_calibration_batches(toy):
    seen = []
    norm = toy.positions[0][1][1]
    norm.register_forward_pre_hook(lambda _, inputs: seen.append((norm, inputs[0])))
    used = []
    norm.register_forward_hook(
        lambda module, *_: None if module.training else used.append(module.running_mean.clone())
    )
    score(toy, [(1, 0, 0)], validation(6), pixels(10, 2), PREPARE, batch_size=5)
    first, second = (tensor.mean(0) for _, tensor in seen[:2])
    torch.testing.assert_close(used[0], (first + second) / 2)


def test_the_supernet_is_left_as_it_was(toy):
    toy.train()
    toy.positions[1].eval()
    modes = [module.training for module in toy.modules()]
    momenta = [m.momentum for m in toy.modules() if isinstance(m, nn.BatchNorm1d)]
    before = {name: value.clone() for name, value in toy.state_dict().items()}
    score(toy, GENOMES, validation(6), pixels(4, 2), PREPARE)
    assert [module.training for module in toy.modules()] == modes
    assert [m.momentum for m in toy.modules() if isinstance(m, nn.BatchNorm1d)] == momenta
    for name, value in toy.state_dict().items():
        assert torch.equal(value, before[name]), name
    toy.select((2, 2, 2))  # and can be trained
    toy.train()(PREPARE(pixels(4, 3))).sum().backward()


def test_it_is_left_so_after_an_error_too(toy):
    before = {name: value.clone() for name, value in toy.state_dict().items()}
    toy.head.register_forward_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        score(toy, GENOMES, validation(6), pixels(4, 2), PREPARE)
    assert toy.training
    assert all(torch.equal(value, before[name]) for name, value in toy.state_dict().items())


def test_common_steps_run_once(toy):
    genomes = [(0, 1, 2), (0, 1, 1), (0, 0, 0)]
    score(toy, genomes, validation(6), pixels(4, 2), PREPARE)
    # Validation: the stem, two, three and three steps, three heads. Calibration: down to the last
    # BatchNorm of each path, so nothing for the third.
    assert toy.calls == (1 + 1 + 2 + 3 + 3) + (1 + 1 + 1 + 2)


def test_a_path_without_numbers_has_no_loss_and_others_have_theirs(toy):
    with torch.no_grad():
        toy.positions[0][0][0].weight.fill_(math.nan)
    metrics = score(toy, [(0, 0, 0), (1, 1, 1)], validation(6), pixels(4, 2), PREPARE)
    assert math.isnan(metrics[0]["loss"])
    assert metrics[1]["loss"] < 100


def test_no_genomes_and_no_calibration(toy):
    assert score(toy, [], validation(6), pixels(4, 2), PREPARE) == ()
    (found,) = score(toy, [(0, 0, 0)], validation(6), pixels(0, 2), PREPARE)
    assert 0 <= found["accuracy"] <= 1
