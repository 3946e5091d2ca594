import pytest
import torch

from evo_nas.core.devices import torch_threads
from evo_nas.space.decoder import Decoder
from tests.kit.loading import draw, small, space


@pytest.fixture(autouse=True)
def _one_thread():
    with torch_threads(1):
        yield


def test_a_stage_genome_becomes_a_full_one():
    glit = space()
    first = glit.stage(0)
    decoder = Decoder(first)
    options = decoder.options((0,) + (3,) * 11)
    assert decoder.full((0,) + (3,) * 11) == glit.encode(options)
    assert options["block00.kernel"] == 31
    assert options["block01.d_k"] == 1
    assert "block01.kernel" not in options
    second = glit.stage(1, decoder.full((1,) * 12))
    assert len(Decoder(second).full(draw(second, 0))) == len(glit.choices)


def test_path_and_network_are_one():
    glit = space()
    geometry = small(glit)
    first = glit.stage(0)
    images = torch.randn(4, 1, 8, 8)
    for stage in (glit, first, glit.stage(1, first.lift((0, 1, 2, 3) * 3))):
        decoder = Decoder(stage)
        genome = draw(stage, 2)
        supernet = stage.supernet(geometry).eval()
        network = decoder.network(genome, geometry).eval()
        network.load_state_dict(supernet.extract(decoder.full(genome)))
        decoder.select(supernet, genome)
        hidden = images
        with torch.no_grad():
            for step in decoder.steps(supernet, genome):
                hidden = step.run(hidden)
            assert torch.equal(supernet(images), hidden)
            torch.testing.assert_close(network(images), hidden, atol=1e-6, rtol=0)
