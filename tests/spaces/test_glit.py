import re

import pytest

from evo_nas.errors import SpaceError
from evo_nas.space.space import Geometry
from tests.kit.loading import draw, module, reference_costs, space


def test_choices_of_a_block_in_order():
    glit = space()
    names = [choice.name for choice in glit.choices if choice.slot == "block03"]
    fields = ("heads", "d_k", "d_z", "expansion", "kernel")
    assert names == [f"block03.{field}" for field in fields]
    assert len(glit.choices) == 12 * 5
    assert glit.levels == (0, 1)
    assert glit.context == ()


def test_each_block_has_198_values():
    glit = space()
    values = glit.slot_values("block07", ())
    by_heads = [sum(value[0] == heads for value in values) for heads in range(4)]
    assert by_heads == [27, 81, 81, 9]


@pytest.mark.parametrize(
    ("heads", "free"),
    [
        (0, {"expansion", "kernel"}),
        (1, {"d_z", "expansion"}),
        (2, {"d_z", "expansion"}),
        (3, {"d_k", "d_z"}),
    ],
)
def test_the_second_stage_has_nine_options_a_block(heads, free):
    glit = space()
    first = glit.stage(0)
    second = glit.stage(1, first.lift((heads,) * 12))
    assert {choice.name.partition(".")[2] for choice in second.choices} == free
    assert len(second.slot_values("block05", ())) == 9
    options = glit.options(second.lift(draw(second, 1)))
    assert options["block05.heads"] == heads
    if heads == 0:
        assert options["block05.d_z"] == 4
    if heads in (1, 2):
        assert (options["block05.kernel"], options["block05.d_k"]) == (31, 1)


def test_the_first_stage_holds_the_details_that_were_given():
    options = space().options(space().stage(0).lift((1,) * 12))
    values = [options[f"block11.{field}"] for field in ("d_k", "d_z", "expansion", "kernel")]
    assert values == [1, 4, 2, 31]
    glit = space("glit_hl?kernel=17&d_k=0.5&expansion=4&d_z=2")
    options = glit.options(glit.stage(0).lift((1,) * 12))
    values = [options[f"block00.{field}"] for field in ("d_k", "d_z", "expansion", "kernel")]
    assert values == [0.5, 2, 4, 17]


def test_a_detail_must_be_an_option():
    with pytest.raises(SpaceError, match=re.escape("kernel cannot be 19; its options are 17, 31")):
        space("glit_hl?kernel=19")
    with pytest.raises(SpaceError, match=re.escape("window cannot be 19; its options are 14, 28")):
        space("glit_local_attention?window=19")


def test_every_option_of_a_block_costs_what_the_reference_says():
    glit = space()
    table = glit.slot_costs("block00", ())
    blocks = reference_costs()["glit_tiny_blocks"]
    assert len(blocks) == 54
    for label, expected in blocks.items():
        given = {key: float(value) for key, value in (pair.split("=") for pair in label.split(","))}
        named = {"G": "heads", "dk_ratio": "d_k", "dz": "d_z", "E": "expansion", "K": "kernel"}
        options = {f"block00.{named[key]}": value for key, value in given.items()}
        genome = glit.encode({**glit.options(draw(glit, 0)), **options})
        cost = table[genome[:5]]
        assert (cost["flops"], cost["params"]) == (expected["macs"], expected["params"]), label


def test_slots_share_one_table():
    glit = space()
    assert glit.slot_costs("block00", ()) is glit.slot_costs("block11", ())


@pytest.mark.parametrize(
    ("image_size", "patch_size"),
    [(8, 2), (16, 2), (28, 4), (32, 4), (64, 8), (96, 12), (160, 10), (224, 16), (384, 32)],
)
def test_proxy(image_size, patch_size):
    proxy = space("glit_hl_base").proxy(image_size, 3, 10)
    assert proxy == Geometry(image_size, 3, 10, patch_size, width=48, heads=3)


def test_images_that_cannot_be_cut_have_no_proxy():
    with pytest.raises(SpaceError, match=r"31 pixels .* resize them, for instance to 32"):
        space().proxy(31, 3, 10)


def test_kernels_follow_the_tokens():
    scaled = module("glit.local_heads").TokenConvolution().scaled
    assert scaled(square(14)) == (17, 31, 45)
    assert scaled(square(4)) == (3, 5, 7)
    for side in range(1, 40):
        kernels = scaled(square(side))
        assert all(kernel % 2 == 1 for kernel in kernels)
        assert 3 <= kernels[0] < kernels[1] < kernels[2]


def test_windows_follow_the_patches():
    scaled = module("glit.local_heads").Windows().scaled
    assert scaled(square(14)) == (14, 28, 49)
    assert scaled(square(8)) == (5, 9, 16)
    assert scaled(square(4)) == (2, 3, 4)


def square(side):
    """So many patches a side."""
    return Geometry(side * 2, 1, 10, 2, 48, 3)


def test_picture():
    glit = space("glit_hl_small")
    boxes = glit.picture(mixed_genome(glit))
    assert [box.title for box in boxes] == [str(number) for number in range(1, 13)]
    assert boxes[0].lines == ("G0 L3", "K45 E4", "z4")
    assert boxes[1].lines == ("G1 L2", "K31 E1", "dk768 z6")
    assert boxes[2].lines == ("G3 L0", "dk192 z6")
    assert [box.shade for box in boxes[:3]] == [1, pytest.approx(2 / 3), 0]


def mixed_genome(glit):
    options = {f"{slot}.heads": 3 for slot in glit.slots}
    options |= {f"{slot}.d_k": 0.5 for slot in glit.slots}
    options |= {f"{slot}.d_z": 6 for slot in glit.slots}
    options |= {"block00.heads": 0, "block00.d_z": 4, "block00.expansion": 4, "block00.kernel": 45}
    options |= {"block01.heads": 1, "block01.d_k": 2, "block01.expansion": 1, "block01.kernel": 31}
    return glit.encode(options)
