import sys

import pytest
import torch

from evo_nas.core.plugins import registry
from evo_nas.errors import SpaceError
from evo_nas.space.costs import flops
from tests.kit.loading import Convolutional, put_in_place, space

# Counted by fvcore on torchvision's and timm's networks, as published: parameters, FLOPs.
FIGURES = {
    "resnet18": (11_689_512, 1.8e9),
    "resnet50": (25_557_032, 4.1e9),
    "resnext50": (25_028_904, 4.3e9),
    "resnext101": (83_455_272, 15.5e9),
}


@pytest.fixture
def stand_in(monkeypatch):
    put_in_place(monkeypatch)


def test_a_network_is_a_space_of_one_genome(stand_in):
    small = space("timm?model=small")
    assert small.check(()) == ()
    network = small.build((), small.proxy(16, 1, 5))
    assert network(torch.zeros(2, 1, 16, 16)).shape == (2, 5)
    whole = flops.count(Convolutional(3, 1000), torch.zeros(1, 3, 224, 224))
    assert small.costs(()) == whole
    with pytest.raises(SpaceError, match="no model 'smal'"):
        space("timm?model=smal")


def test_without_timm_it_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(SpaceError, match=r"pip install 'evo-nas\[timm\]'"):
        space("timm?model=resnet18")


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_the_papers_convolutional_networks(name):
    pytest.importorskip("timm", reason="timm is not installed here", exc_type=ImportError)
    costs = space(registry.load("network", name).space).costs(())
    parameters, published = FIGURES[name]
    assert costs["params"] == parameters
    assert costs["flops"] == pytest.approx(published, rel=0.03)
