import re
from pathlib import Path

import pytest
import torch

import evo_nas
from evo_nas.api import prepare
from evo_nas.core.plugins import places, registry
from evo_nas.errors import RunError, SpaceError, SpecError
from evo_nas.space.costs import flops
from tests.kit.loading import GLIT_TOML, draw, space
from tests.kit.paths import TINY_RUN

EXAMPLE = Path(__file__).resolve().parents[2] / "runs" / "recipes" / "my_space.toml"


def written(folder, text, name="mine.toml"):
    path = folder / name
    path.write_text(text)
    return path


def test_a_path_is_a_spec(tmp_path, monkeypatch):
    path = written(tmp_path, GLIT_TOML)
    monkeypatch.chdir(tmp_path)
    short, long = space("mine.toml"), space("toml_space?file=mine.toml")
    assert short.choices == long.choices
    assert (short.name, short.spec) == ("mine", "mine.toml")
    assert places.absolute("space", "mine.toml") == str(path)
    assert places.absolute("space", "toml_space?file=mine.toml") == f"toml_space?file={path}"
    with pytest.raises(SpecError, match=r"unknown strategy 'mine\.toml'"):
        registry.load("strategy", "mine.toml")


def test_options_of_a_block(tmp_path):
    glit = space(str(written(tmp_path, GLIT_TOML)))
    options = {choice.name: choice.options for choice in glit.choices}
    assert options["block00.heads"] == (0, 1, 2, 3)
    assert options["block00.d_z"] == (2, 2.5)
    assert options["block01.d_z"] == (4,)
    assert options["block02.kernel"] == (5,)
    # Nothing is chosen of what a block never has.
    assert "block01.kernel" not in options
    assert "block02.d_k" in options
    assert glit.levels == (0, 1)
    assert len(glit.slots) == 4
    flat = space(str(written(tmp_path, "levels = 1\n" + GLIT_TOML, "flat.toml")))
    assert flat.levels == (0,)


def test_the_same_numbers_are_the_same_space(tmp_path):
    text = "depth = 12\n[target]\nwidth = 192\nheads = 3\n"
    same, glit = space(str(written(tmp_path, text))), space("glit_hl")
    assert same.choices == glit.choices
    assert same.target == glit.target
    assert same.costs(draw(same, 0)) == glit.costs(draw(glit, 0))
    tiny = space("autoformer_tiny")
    text = """
    family = "autoformer"
    widths = [192, 216, 240]
    depths = [12, 13, 14]
    [options]
    heads = [3, 4]
    mlp_ratio = [3, 3.5, 4]
    """
    same = space(str(written(tmp_path, text)))
    assert same.choices == tiny.choices
    assert same.target == tiny.target
    assert same.costs(draw(same, 0)) == tiny.costs(draw(tiny, 0))


@pytest.mark.parametrize("local", ["convolution", "convolution_2d", "window_attention"])
def test_local_heads_of_each_kind(local, tmp_path):
    text = GLIT_TOML.replace('family = "glit"', f'local_heads = "{local}"')
    if local == "window_attention":
        text = text.replace("kernel", "window")
    glit = space(str(written(tmp_path, text)))
    genome = draw(glit, 1)
    network = glit.build(genome, glit.target)
    assert flops.count(network, torch.zeros(1, 3, 64, 64)) == glit.costs(genome)


def test_kernels_hold_at_the_target_of_the_file(tmp_path):
    glit = space(str(written(tmp_path, GLIT_TOML)))
    assert glit.locality.scaled(glit.target) == glit.locality.options == (3, 5, 9)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("depth = 4", "depht = 4", "unknown key depht; did you mean depth"),
        ("depth = 4", "", "depth is missing"),
        ("depth = 4", "depth = 1001", "depth = 1001 must be less than or equal to 1000"),
        ("depth = 4", "depth = 4\nlevel = 2", "unknown key level; did you mean levels"),
        ("depth = 4", "depth = 4.0", "depth = 4.0 must be of type int"),
        ("depth = 4", "depth = 4\nlevels = 3", "levels = 3 must be 1 or 2"),
        ("depth = 4", "depth = 2", "unknown key block02; did you mean block01 or block00"),
        ("width = 96", "width = 95", "choose a multiple of 6"),
        ("heads = 3\nimage", "heads = 4\nimage", "multiple of 3"),
        ("image_size = 64", "image_size = 60", "60 pixels cannot be cut into patches of 16"),
        ("[target]", "[[target]]", "target = .* must be a section"),
        ("width = 96", "widht = 96", "unknown key target.widht; did you mean width"),
        ("width = 96", "", "target.width is missing"),
        ("heads = [3]", "heads = [4]", r"block01.heads = \[4\] must be .* thirds"),
        ("heads = [3]", "heads = []", r"block01.heads = \[\] must be a list of different"),
        ("kernel = [5]", "kernel = [4]", r"block02.kernel = \[4\] .* odd numbers from 3"),
        ("kernel = [5]", "kernel = [5.0]", r"block02.kernel = \[5.0\] .* odd numbers from 3"),
        ("kernel = [5]", "window = [5]", "unknown key block02.window"),
        ("d_k = [1]", "d_k = [1, 1]", r"options.d_k = \[1, 1\] must be a list of different"),
        ("d_k = [1]", "d_k = [true]", r"options.d_k = \[True\]"),
        ("d_k = [1]", "d_k = [nan]", r"options.d_k = \[nan\]"),
        ('"glit"', '"vit"', "family = 'vit' must be 'glit' or 'autoformer'"),
        ('"glit"', "glit", "is no valid TOML"),
        # Numbers that no machine can hold.
        (
            "image_size = 64\nclasses = 10",
            "image_size = 1048576\nchannels = 1048576\npatch_size = 1048576",
            "Storage size .*overflowed",
        ),
    ],
)
def test_what_is_wrong_is_named_by_file_key_and_value(old, new, words, tmp_path):
    assert old in GLIT_TOML
    path = written(tmp_path, GLIT_TOML.replace(old, new, 1))
    with pytest.raises(SpaceError, match=f"{re.escape(str(path))}.*{words}"):
        space(str(path))


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(SpaceError, match=r"mine.toml cannot be read: No such file"):
        space(f"{tmp_path}/mine.toml")


@pytest.mark.skipif(not EXAMPLE.is_file(), reason="tested away from the repository")
def test_the_example_works_and_its_commented_part_too(tmp_path):
    assert len(space(str(EXAMPLE)).slots) == 8
    text = EXAMPLE.read_text().partition("networks:\n")[2]
    lines = [line.removeprefix("#").strip() for line in text.splitlines()]
    searched = space(str(written(tmp_path, "\n".join(lines))))
    assert searched.widths == (128, 160, 192)


def test_a_run_goes_on_from_another_folder_but_not_with_another_space(tmp_path, monkeypatch):
    path = written(tmp_path, GLIT_TOML)
    monkeypatch.chdir(tmp_path)
    prepared = prepare("mine.toml", "40M", run_dir="run", **TINY_RUN)
    assert prepared.config.space == str(path)
    prepared.start()
    (tmp_path / "run" / "best.json").unlink()  # as if stopped at the end
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    path.write_text(GLIT_TOML.replace("d_z = [4]", "d_z = [3]"))
    with pytest.raises(RunError, match=r"is not what it was when .* began"):
        evo_nas.resume(tmp_path / "run")
    path.write_text("# What a comment changes is not known.\n" + GLIT_TOML)
    with pytest.raises(RunError, match=r"is not what it was .* resume .* --accept-changes"):
        evo_nas.resume(tmp_path / "run")
    assert evo_nas.resume(tmp_path / "run", accept_changes=True).best is not None
