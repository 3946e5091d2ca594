"""Evaluators on pictures that stay on disk: the same results as on the same images in memory."""

import pytest

from evo_nas.core.plugins import registry
from evo_nas.data.folders.image_folder import ImageFolder
from evo_nas.data.stored import StoredPictures
from evo_nas.space.space import Geometry
from tests.kit.images import write_pictures
from tests.kit.tinyspace import TinySpace, tiny_context

GENOMES = [(0, 0), (2, 1), (0, 2)]
GEOMETRY = Geometry(image_size=8, channels=3, classes=3, width=8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp("pictures"), 50)


def scores(evaluator_spec, out, folder, *, stored, workers=0):
    source = ImageFolder(folder, image_size=8, validation=30, stored=stored, workers=workers)
    data = source.load(0)
    assert isinstance(data.train, StoredPictures) is stored
    evaluator = registry.load("evaluator", evaluator_spec)
    evaluator.open(TinySpace(), tiny_context(out, data=data, geometry=GEOMETRY))
    results = dict(evaluator.evaluate_many(GENOMES))
    evaluator.close()
    return results


@pytest.mark.parametrize("spec", ["supernet", "train"])
def test_scores_are_those_of_images_in_memory(tmp_path, folder, spec):
    expected = scores(spec, tmp_path / "a", folder, stored=False)
    assert scores(spec, tmp_path / "b", folder, stored=True, workers=2) == expected
