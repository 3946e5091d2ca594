"""A model folder carries the files that its space needs, and is not made where it cannot."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

import evo_nas
from evo_nas.core.plugins import registry
from evo_nas.errors import ExportError, SpecError
from evo_nas.results.networks.export import Wish, export
from tests.kit.networks import normalised, pixels, trained
from tests.kit.spaces import shallow_toml

READS = """
import json
from pathlib import Path

from tests.kit.plugins import Tiny


class Reads(Tiny):
    def __init__(self, file, more="", blocks=2):
        super().__init__(json.loads(Path(file).read_text())["blocks"])


class Beside(Tiny):
    def __init__(self):
        super().__init__(json.loads(Path(__file__).with_name("sizes.json").read_text())["blocks"])


class Falls(Tiny):
    def __init__(self):
        beside = Path(__file__).with_name("sizes.json")
        super().__init__(3 if beside.exists() else 4)
"""

LATE = """
from tests.kit.plugins import Tiny


class Late(Tiny):
    def picture(self, genome):
        import helper
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a space in Python and what it reads."""
    folder = tmp_path / "at home"
    folder.mkdir()
    (folder / "mine.py").write_text(READS)
    (folder / "sizes.json").write_text('{"blocks": 3}')
    (folder / "late.py").write_text(LATE)
    (folder / "helper.py").write_text("")
    return folder


@torch.no_grad()
def test_what_the_option_file_names_goes_along(home: Path, tmp_path: Path) -> None:
    network = trained(tmp_path, f"{home}/mine.py:Reads?blocks=9&file={home}/sizes.json")
    found = export(network, Wish(), tmp_path / "out")
    shutil.rmtree(home)
    found.path.rename(tmp_path / "elsewhere")
    again = evo_nas.load(tmp_path / "elsewhere", trust_code=True)
    images = normalised(network, pixels(network, 2))
    torch.testing.assert_close(again(images), network.network(images), rtol=0, atol=0)
    architecture = json.loads((tmp_path / "elsewhere" / "architecture.json").read_text())
    assert architecture["space"] == "space.py:Reads?blocks=9&file=space-sizes.json"
    assert (tmp_path / "elsewhere" / "space-sizes.json").read_text() == '{"blocks": 3}'
    (tmp_path / "elsewhere" / "space-sizes.json").unlink()
    with pytest.raises(SpecError, match=r"names a file outside of it, 'space-sizes.json'"):
        evo_nas.load(tmp_path / "elsewhere", trust_code=True)


@torch.no_grad()
def test_a_toml_file_may_be_an_option(tmp_path: Path) -> None:
    file = tmp_path / "shallow.toml"
    file.write_text(shallow_toml(heads="1"))
    network = trained(tmp_path, f"toml_space?file={file}", at_target=True)
    found = export(network, Wish(), tmp_path / "out")
    file.unlink()
    images = torch.zeros(2, 1, 16, 16)
    torch.testing.assert_close(evo_nas.load(found.path)(images), network.network(images))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("{home}/mine.py:Beside", r"nowhere else: .*FileNotFoundError.* \(space\.py, line \d+\)"),
        ("{home}/mine.py:Reads?file={home}/sizes.json&more={home}", "option more=.* is a path"),
        ("{home}/late.py:Late", r"nowhere else: it imports .*/helper\.py, which is left behind"),
        ("{home}/mine.py:Falls", "is another one when its file is somewhere else"),
    ],
)
def test_a_folder_that_would_load_nowhere_else_is_not_made(
    spec: str, said: str, home: Path, tmp_path: Path
) -> None:
    network = trained(tmp_path, spec.format(home=home))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ExportError, match=said):
        export(network, Wish(), tmp_path / "out")
    assert sorted(tmp_path.rglob("*")) == before
    export(network, Wish(("safetensors",)), tmp_path / "alone.safetensors")  # here it does load


def test_a_folder_of_somebody_reads_no_file_outside_of_it(home: Path, tmp_path: Path) -> None:
    network = trained(tmp_path, f"{home}/mine.py:Reads?file={home}/sizes.json")
    found = export(network, Wish(), tmp_path / "out")
    file = found.path / "architecture.json"
    for outside in (f"{home}/sizes.json", "../at home/sizes.json", "space-/../../x", "none.json"):
        spec = registry.with_option("space.py:Reads", "file", outside)
        file.write_text(json.dumps({**json.loads(file.read_text()), "space": spec}))
        with pytest.raises(SpecError, match="names a file outside of it"):
            evo_nas.load(found.path, trust_code=True)
