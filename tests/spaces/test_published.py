import pytest

from evo_nas.core.plugins import registry
from tests.kit.loading import reference_costs, space

FIGURES = {
    "glit_tiny": (1_479_265_536, 7_264_456),
    "deit_tiny": (1_258_411_200, 5_717_416),
    "deit_small": (4_608_338_304, 22_050_664),
    "deit_base": (17_582_740_224, 86_567_656),
    "autoformer_t": (1_487_044_672, 5_867_944),
    "autoformer_s": (5_171_613_312, 22_891_432),
    "autoformer_b": (11_707_632_448, 53_691_688),
}


@pytest.mark.parametrize("name", FIGURES)
def test_published_networks_cost_what_was_measured(name):
    architecture = registry.load("network", name)
    searched = space(architecture.space)
    assert searched.check(architecture.genome) == architecture.genome
    costs = searched.costs(architecture.genome)
    assert (costs["flops"], costs["params"]) == FIGURES[name]


def test_the_figures_are_the_reference():
    networks = reference_costs()["networks"]
    for name in FIGURES.keys() & networks.keys():
        assert FIGURES[name] == (networks[name]["macs"], networks[name]["params"])


def test_glit_tiny_block_by_block():
    expected = reference_costs()["networks"]["glit_tiny"]
    glit = space()
    genome = registry.load("network", "glit_tiny").genome
    table = glit.slot_costs("block00", ())
    options = glit.options(genome)
    heads = [options[f"{slot}.heads"] for slot in glit.slots]
    assert heads == expected["global_heads_per_block"]
    costs = [table[genome[i : i + 5]]["flops"] for i in range(0, 60, 5)]
    assert costs == expected["macs_per_block"]
