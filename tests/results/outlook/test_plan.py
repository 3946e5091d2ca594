from dataclasses import replace
from types import SimpleNamespace

import pytest

from evo_nas.results.outlook import plan
from evo_nas.training.recipe import load_recipe


@pytest.mark.parametrize(
    ("evaluator", "scored", "told"),
    [("supernet", True, True), ("supernet", False, False), ("train", True, False)],
)
def test_other_paths_of_shared_weights_are_told_where_these_score(evaluator, scored, told):
    usual = load_recipe("quick")
    stages = [SimpleNamespace(stage=SimpleNamespace(scored=scored))]
    prepared = [
        SimpleNamespace(
            config=SimpleNamespace(recipe=recipe, evaluator=evaluator),
            plan=SimpleNamespace(stages=stages),
        )
        for recipe in (usual, replace(usual, sandwich=3, paths="budget"))
    ]
    words = "each step trains the largest path, the smallest and 1 at random, within the limits"
    assert [plan._paths(each) for each in prepared] == [[], [("shared weights", words)] * told]
