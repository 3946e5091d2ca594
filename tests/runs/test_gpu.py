"""What only a GPU can show; skipped where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import evo_nas
from evo_nas.core.plugins import registry
from evo_nas.core.streams import Streams
from evo_nas.data.images import Images
from evo_nas.data.source import SearchData, search_data
from evo_nas.training.augmentation.augment import Augmenter
from evo_nas.training.batches import Batches, measure, seeded_weights
from evo_nas.training.loop import fit
from evo_nas.training.recipe import Phase, load_recipe
from tests.kit.runs import Listener

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here"),
]
MIB = 2**20
PHASE = Phase("adamw", epochs=2, batch_size=64, learning_rate=6e-3, weight_decay=0.05, warmup=0.2)
SMALL: dict[str, Any] = {
    "samples": 8, "population": 4, "parents": 2, "finalists": 2, "epochs": 1,
    "finalist_epochs": 1, "data": "digits?train=640&validation=100&test=100",
}  # fmt: skip


def digits() -> SearchData:
    data: SearchData = registry.load("data", "digits?train=640&validation=300&test=10").load(0)
    return data


def network(data: SearchData) -> torch.nn.Module:
    glit = registry.load("space", "glit_hl")
    with seeded_weights(0):
        built: torch.nn.Module = glit.build(glit.stage(0).lift((1, 2) * 6), glit.proxy(8, 1, 10))
    return built.to("cuda")


def test_a_network_trains_and_measures_as_on_the_cpu() -> None:
    data = digits()
    trained = network(data)
    before = measure(trained, Batches(data.validation, data, 8, "cuda")).loss
    fit(trained, Batches(data.train, data, 8, "cuda"), PHASE, Streams(0))
    there = measure(trained, Batches(data.validation, data, 8, "cuda"))
    assert there.loss < before
    here = measure(trained.to("cpu"), Batches(data.validation, data, 8))
    assert here.loss == pytest.approx(there.loss, rel=0.02)  # bfloat16 there
    assert (here.correct == there.correct).mean() > 0.97


def test_a_run_from_shared_weights_to_the_best_network(tmp_path: Path) -> None:
    result = evo_nas.run("glit_hl", "1.4G", run_dir=tmp_path / "run", device="cuda", **SMALL)
    assert result.best is not None
    assert 0 <= result.best["measured"]["test_accuracy"] <= 1
    assert result.best["target"]["flops"] <= 1.4e9


def make_batches(channels: int, size: int, count: int = 64) -> Batches:
    pixels = torch.randint(0, 256, (count, channels, size, size)).to(torch.uint8)
    images = Images(pixels, torch.arange(count) % 2)
    return Batches(images, search_data("noise", images, images, "ab", range(count)), size, "cuda")


@pytest.mark.parametrize(("channels", "size"), [(1, 8), (3, 64)])
def test_deits_augmentation_stays_on_the_device(channels: int, size: int) -> None:
    pytest.importorskip("kornia", reason="RandAugment needs kornia")
    batches = make_batches(channels, size)
    augment = Augmenter(load_recipe("deit").train.augmentation, batches)
    images, labels = next(batches.in_order(64))
    batch = augment(images.clone(), labels, np.random.default_rng(0))
    assert batch.images.is_cuda
    assert batch.images.isfinite().all()
    assert not torch.equal(batch.images, images)


class Large(nn.Module):
    """Few weights, and a MiB of activations for each image, several times."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(16, 256), nn.Linear(256, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        hidden = self.first(images.flatten(1))
        wide = hidden[:, None].expand(-1, 1024, -1).sin().exp().cos()
        return self.last(wide.mean(1))


def test_memory_that_runs_out_cuts_batches() -> None:
    batches, listener = make_batches(1, 4), Listener()
    with seeded_weights(0):
        network = Large().to("cuda")
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 128 * MIB) / total)
    try:
        fit(network, batches, Phase("sgd", 2, 64, 0.01, 0.0), Streams(0), progress=listener)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert "64 images takes 2 micro-batches of at most 32" in listener.heard[0]
    assert all(parameter.isfinite().all() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("spec", "metric"),
    [
        ("latency?repeats=5", "latency"),
        ("zero_cost?scores=naswot,synflow,dss,grad_norm&reference=4&images=4", "dss"),
    ],
)
def test_evaluators_that_train_nothing(tmp_path: Path, spec: str, metric: str) -> None:
    settings = SMALL | {"strategy": "random_search", "evaluator": spec}
    result = evo_nas.run("glit_hl", "1.4G", run_dir=tmp_path / "run", device="cuda", **settings)
    assert all(e.metrics[metric] > 0 for e in result.of("stage1", "search"))
