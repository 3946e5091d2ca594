"""What only a GPU can show; skipped where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import evo_nas
from evo_nas import registry
from evo_nas.data import SearchData
from evo_nas.measuring import Batches, measure, seeded_weights
from evo_nas.recipe import Phase
from evo_nas.streams import Streams
from evo_nas.training import fit

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here"),
]
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


def test_a_network_trains() -> None:
    data = digits()
    trained = network(data)
    before = measure(trained, Batches(data.validation, data, 8, "cuda")).loss
    fit(trained, Batches(data.train, data, 8, "cuda"), PHASE, Streams(0))
    assert measure(trained, Batches(data.validation, data, 8, "cuda")).loss < before


def test_a_network_measures_as_on_the_cpu() -> None:
    data = digits()
    trained = network(data)
    fit(trained, Batches(data.train, data, 8, "cuda"), PHASE, Streams(0))
    there = measure(trained, Batches(data.validation, data, 8, "cuda"))
    here = measure(trained.to("cpu"), Batches(data.validation, data, 8))
    assert here.loss == pytest.approx(there.loss, rel=0.02)  # bfloat16 there
    assert (here.correct == there.correct).mean() > 0.97


def test_a_batch_that_does_not_fit_is_cut_until_it_does() -> None:
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, 300e6 / total))
    try:
        data = digits()
        glit = registry.load("space", "glit_hl")
        geometry = glit.proxy(8, 1, 10)
        built = glit.build(glit.stage(0).lift((3,) * 12), geometry).to("cuda")
        pixels = data.train.take([0] * 16384)
        phase = Phase("adamw", epochs=1, batch_size=16384, learning_rate=1e-3, weight_decay=0.05)
        fit(built, Batches(pixels, data, 8, "cuda"), phase, Streams(0))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def test_a_run_from_shared_weights_to_the_best_network(tmp_path: Path) -> None:
    result = evo_nas.run("glit_hl", "1.4G", run_dir=tmp_path / "run", device="cuda", **SMALL)
    assert result.best is not None
    assert 0 <= result.best["measured"]["test_accuracy"] <= 1
    assert result.best["target"]["flops"] <= 1.4e9


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
