"""Targets as users give them: they become part of the space's spec."""

from __future__ import annotations

from typing import Any

import pytest

from evo_nas.api import prepare
from evo_nas.cli.views.plan import plan_document
from evo_nas.errors import SettingsError, SpaceError
from evo_nas.results.outlook.plan import plan_facts
from evo_nas.search.given.target import spec_at

SMALL: dict[str, Any] = {
    "data": "digits?train=100&validation=50&test=50", "evaluator": "train", "strategy": "random",
    "finalists": 1, "device": "cpu",
}  # fmt: skip
IMAGES = "glit_fixed?target=image_size=8,channels=1,classes=10,patch_size=2"


def told(prepared: Any) -> str:
    return " ".join(text for _, text in plan_facts(prepared))


def test_sizes_are_part_of_the_spec_in_order_where_they_are_not_the_spaces_own() -> None:
    assert spec_at("nlp_nas", None) == "nlp_nas"
    assert spec_at("nlp_nas", "width=192, image_size=224") == "nlp_nas"
    found = spec_at("nlp_nas", "width=96, patch_size=4,image_size=32")
    assert found == "nlp_nas?target=image_size=32,patch_size=4,width=96"
    assert spec_at(found, "classes=4") == "nlp_nas?target=classes=4"


@pytest.mark.parametrize("text", ["images", "picture", "proxy,width=96"])
def test_what_is_no_target_names_the_sizes(text: str) -> None:
    with pytest.raises((SpaceError, SettingsError), match=r"give sizes|names: image_size, .*heads"):
        spec_at("nlp_nas", text)


def test_a_target_may_be_that_of_the_images() -> None:
    prepared = prepare("glit_fixed", "100M", target="images", **SMALL)
    assert prepared.config.space == IMAGES
    assert plan_document(prepared)["target"]["image_size"] == 8
    assert prepared.folder.name.startswith("glit_fixed-100M-")
    assert "not at your images" not in told(prepared)
    wide = prepare("glit_fixed", "30M", target="images,width=96", **SMALL)
    assert wide.config.space == f"{IMAGES},width=96"


def test_sizes_from_python_are_by_name() -> None:
    sizes = {"image_size": 32, "classes": 4, "patch_size": 4}
    prepared = prepare("glit_fixed", "900M", target=sizes, **SMALL)
    assert prepared.config.space == "glit_fixed?target=image_size=32,classes=4,patch_size=4"
    with pytest.raises(SettingsError, match=r"target width is 1\.5; it must be a whole number"):
        prepare("glit_fixed", target={"width": 1.5}, **SMALL)


def test_the_plan_offers_the_images_own_target() -> None:
    found = told(prepare("glit_fixed", **SMALL))
    assert "that is ImageNet's geometry, not at your images (8x8x1, 10 classes)" in found
    assert "--target images counts there: 192 wide, 3 heads, 8x8x1 images, patch 2" in found


def test_published_networks_of_a_space_are_counted_at_the_target() -> None:
    at_home = prepare("glit_fixed", "2G", **SMALL).plan.published
    elsewhere = prepare("glit_fixed", "2G", target="images", **SMALL).plan.published
    assert {each.name for each in at_home} == {each.name for each in elsewhere}
    assert max(each.flops for each in elsewhere) < min(each.flops for each in at_home)


def test_images_that_are_not_there_have_no_target() -> None:
    with pytest.raises(SettingsError, match="target is 'images', and data is 'none'"):
        prepare("glit_fixed", target="images", **{**SMALL, "data": "none"})
