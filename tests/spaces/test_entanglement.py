import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from evo_nas.core.plugins import registry
from evo_nas.errors import EvaluatorError
from tests.kit.loading import draw, module, small, space
from tests.kit.tinyspace import TinySpace

entanglement, blocks = module("entanglement"), module("glit.blocks")
Loan, Part = entanglement.Loan, entanglement.Part
layout, part_of = entanglement.layout, entanglement.part_of
OTHERS = ("glit_local_attention", "glit_conv2d", "nlp_nas", "glit_fixed")
FAMILY = ["glit_hl", *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)]


@given(st.data())
def test_a_slice_of_a_slice_is_the_slice(data):
    """Whoever asks, a middle size at a time or at once, gets the same numbers."""
    place = data.draw(st.sampled_from(["first", "last"]))
    sizes = [sorted(data.draw(st.tuples(*[st.integers(1, 4)] * 3))) for _ in range(4)]
    small, middle, large = (
        ((Part(n[i], place), Part(m[i])), (Part(p[i]), Part(q[i], "last")))
        for i in range(3)
        for n, m, p, q in [sizes]
    )
    shape = [a.size * b.size for a, b in large]
    weight = torch.arange(torch.tensor(shape).prod()).view(shape)
    once = part_of(weight, large, small)
    assert torch.equal(once, part_of(part_of(weight, large, middle), middle, small))
    assert torch.equal(part_of(weight, large, large), weight)


def test_a_smaller_kernel_is_the_middle_of_a_larger_one():
    kernel = torch.arange(7)
    assert part_of(kernel, ((Part(7),),), ((Part(3, "middle"),),)).tolist() == [2, 3, 4]


def test_queries_keys_and_values_are_those_of_the_first_heads():
    large, little = blocks.GlobalHeads(12, 3, 4), blocks.GlobalHeads(8, 2, 2)
    rows = torch.arange(36)[:, None].expand(36, 12)
    slices = part_of(rows, layout(large)["qkv.weight"], layout(little)["qkv.weight"])
    # A third of the rows each; of each the first two heads of four, and of these two numbers.
    assert slices[:, 0].tolist() == [0, 1, 4, 5, 12, 13, 16, 17, 24, 25, 28, 29]
    assert slices.shape == (12, 8)


def test_a_hollow_module_has_weights_while_they_are_lent():
    large, little = nn.Linear(4, 3), nn.Linear(2, 2)
    loan = Loan(large, little)
    assert not list(little.parameters())
    with loan:
        assert torch.equal(little.weight, large.weight[:2, :2])
        little(torch.ones(1, 2)).sum().backward()
    assert not list(little.parameters())
    assert large.weight.grad.bool().sum() == 4  # its slice alone
    with pytest.raises(RuntimeError), loan:  # given back whatever happens
        raise RuntimeError
    assert not list(little.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILY)
def test_the_largest_is_no_larger_than_what_can_be_reached(name):
    whole = space(name)
    supernet = whole.entangled_supernet(small(whole))
    count = sum(weight.numel() for weight in supernet.parameters())
    numbers = torch.arange(count, dtype=torch.float32)  # each weight tells who it is
    torch.nn.utils.vector_to_parameters(numbers, supernet.parameters())
    reached = torch.zeros(count, dtype=torch.bool)
    values = [whole.slot_values(slot, ()) for slot in whole.slots]
    for row in zip(*values, strict=True):
        genome = tuple(gene for value in row for gene in value)
        for key, weight in supernet.extract(genome).items():
            if "running" not in key and "num_batches" not in key:
                reached[weight.flatten().long()] = True
    assert reached.all()


def test_entangled_weights_are_fewer_and_statistics_are_a_paths_own():
    glit = space()
    entangled, separate = (make(small(glit)) for make in (glit.entangled_supernet, glit.supernet))
    sizes = [sum(w.numel() for w in net.parameters()) for net in (entangled, separate)]
    assert sizes[0] < sizes[1] / 4
    own, usual = ({k for k in net.state_dict() if "running" in k} for net in (entangled, separate))
    assert {key for key in own if ".largest." not in key} == usual


@pytest.mark.slow
def test_a_pickled_supernet_lends_its_own_weights():
    glit = space()
    genome = draw(glit, 1)
    supernet = glit.entangled_supernet(small(glit)).eval()
    twin = pickle.loads(pickle.dumps(supernet))
    images = torch.randn(2, 1, 8, 8)
    for net in (supernet, twin):
        net.select(genome)
    with torch.no_grad():
        assert torch.equal(twin(images), supernet(images))
        for weight in supernet.parameters():
            weight.zero_()
        assert twin(images).any()
        assert not supernet(images).any()


@pytest.mark.parametrize("sharing", ["entangled", "separate"])
def test_who_shares_in_one_way_is_not_asked_for_another(sharing):
    evaluator = registry.load("evaluator", f"supernet?sharing={sharing}")
    evaluator.check(space())
    for other in (TinySpace(), space("autoformer_tiny")):
        with pytest.raises(EvaluatorError, match=f"sharing={sharing}: .* in one way; leave it out"):
            evaluator.check(other)
