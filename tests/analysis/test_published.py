"""Costs of networks beside what was published of them."""

from __future__ import annotations

import sys

import pytest

from evo_nas.analysis.published import count_networks
from evo_nas.errors import SpaceError, SpecError


@pytest.mark.slow
def test_published_networks_cheapest_first_and_uncountable_ones_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    counted = count_networks()
    names = [each.architecture.name for each in counted]
    assert names.index("GLiT-fixed-G1") < names.index("DeiT-Tiny") < names.index("DeiT-Small")
    costs = [each.costs["flops"] for each in counted if each.costs]
    assert costs == sorted(costs)
    assert [each.costs is None for each in counted] == [False] * len(costs) + [True] * 4
    assert "evo-nas[timm]" in counted[-1].problem


@pytest.mark.slow
def test_what_the_paper_prints_is_what_is_counted_of_all_but_the_released_glit() -> None:
    compared = set()
    for each in count_networks():
        if each.costs is None or each.published is None:
            continue
        assert each.costs["params"] == pytest.approx(each.published.parameters, abs=0.07e6)
        tolerance = 0.08e9 if each.architecture.name == "GLiT-Tiny" else 0.05e9
        assert each.costs["flops"] == pytest.approx(each.published.flops, abs=tolerance)
        compared.add(each.architecture.name)
    assert {"GLiT-Tiny", "DeiT-Tiny", "DeiT-Small", "DeiT-Base", "ViT-Base"} <= compared


def test_those_that_are_named_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [each.architecture.name for each in count_networks(["vit_base", "glit_tiny"])]
    assert names == ["ViT-Base", "GLiT-Tiny"]
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(SpaceError, match="timm"):
        count_networks(["resnet18"])
    with pytest.raises(SpecError, match="no published network"):
        count_networks(["resnet19x"])
