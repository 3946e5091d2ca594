"""What holds in every family of spaces beyond what the conformance kit asks of each."""

import pytest
import torch
from torch import nn

import evo_nas
from evo_nas.errors import SpaceError
from evo_nas.space.space import Geometry
from tests.kit.loading import AUTOFORMER_TOML, GLIT_TOML, draw, narrow, small, space
from tests.kit.paths import TINY_RUN, check_scores_alone, shaken


@pytest.mark.parametrize(
    "name",
    [
        "glit_hl", "autoformer_tiny", "mobilenet",
        pytest.param("glit_local_attention", marks=pytest.mark.slow),
        pytest.param("glit_conv2d", marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_scores_do_not_depend_on_company(name):
    part = narrow(space(name)) if name == "mobilenet" else space(name)
    first = draw(part, 0)
    half = len(first) // 2
    related = [(*first[:half], *draw(part, seed)[half:]) for seed in range(3)]
    genomes = [part.lift(part.canonical(genome)) for genome in (*related, draw(part, 9))]
    check_scores_alone(shaken(part.supernet(small(part))), genomes)


@pytest.mark.parametrize("name", ["glit_hl", "autoformer_tiny"])
def test_a_supernet_can_move_and_train(name):
    whole = space(name)
    supernet = whole.supernet(small(whole))
    supernet.select(draw(whole, 2))
    supernet.double()  # a path that was asked for before moves along
    images = torch.randn(4, 1, 8, 8, dtype=torch.float64)
    nn.functional.cross_entropy(supernet(images), torch.tensor([0, 1, 2, 3])).backward()
    gradients = [w.grad for w in supernet.parameters() if w.grad is not None]
    assert gradients
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize(
    ("name", "geometry", "words"),
    [
        ("glit_hl", Geometry(30, 3, 10, 4, 48, 3), "30 pixels cannot be cut into patches of 4"),
        ("glit_hl", Geometry(32, 3, 10, 4, 48, 4), "multiple of 3"),
        ("glit_hl", Geometry(32, 3, 10, 4, 50, 3), "choose a multiple of 6"),
        ("glit_hl", Geometry(32, 3, 10, 4, 51, 3), "even share"),
        ("glit_hl", Geometry(32, 3, 0, 4, 48, 3), "must be positive"),
        ("glit_hl", Geometry(32, 3, 10, 0, 48, 3), "patches of 0"),
        ("autoformer_tiny", Geometry(30, 3, 10, 4, 60), "cannot be cut into patches of 4"),
        ("autoformer_tiny", Geometry(32, 3, 10, 4, 64), "choose a multiple of 30"),
        ("autoformer_tiny", Geometry(32, 3, 10, 4, 60, heads=3), "leave heads out"),
        ("autoformer_tiny", Geometry(32, 3, 0, 4, 60), "must be positive"),
        ("mobilenet", Geometry(32, 3, 10, width=3), "must be a multiple of 2"),
        ("mobilenet", Geometry(32, 3, 10, patch_size=4, width=4), "leave both out"),
        ("mobilenet", Geometry(32, 3, 10, width=4, heads=2), "leave both out"),
        ("mobilenet", Geometry(32, 3, 0, width=4), "must be positive"),
    ],
)  # fmt: skip
def test_impossible_geometries_are_told(name, geometry, words):
    whole = space(name)
    for make in (lambda: whole.build(draw(whole, 0), geometry), lambda: whole.supernet(geometry)):
        with pytest.raises(SpaceError, match=words):
            make()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "budget", "strategy"),
    [
        ("autoformer_tiny", 1_500_000_000, "largest"),
        ("mobilenet", 250_000_000, "spos"),
        (GLIT_TOML, 40_000_000, "hierarchical"),
        (AUTOFORMER_TOML, 40_000_000, "hierarchical"),
    ],
    ids=["autoformer", "mobilenet", "glit.toml", "autoformer.toml"],
)
def test_a_run(name, budget, strategy, tmp_path):
    if "\n" in name:
        (tmp_path / "mine.toml").write_text(name)
        name = str(tmp_path / "mine.toml")
    result = evo_nas.run(name, str(budget), strategy=strategy, run_dir=tmp_path / "run", **TINY_RUN)
    assert result.best["target"]["flops"] <= budget
