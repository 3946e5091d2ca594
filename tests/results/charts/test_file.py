"""Figures as files of the format that their name says."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from evo_nas.errors import ExportError
from evo_nas.results.charts.chart import Points, chart
from evo_nas.results.charts.file import write_drawing
from evo_nas.results.charts.notebook import Figure
from tests.kit.command import command_line

DRAWN = chart([Points("a", [1.0, 2.0], [3.0, 4.0])], title="t", x_label="x", y_label="y")
WIDTH, HEIGHT = (int(size) for size in re.findall(r'(?:width|height)="(\d+)"', DRAWN[:400])[-2:])


@pytest.fixture
def _cairo() -> None:
    """Without CairoSVG, or without the library that it calls, which Python does not install."""
    try:
        import cairosvg  # noqa: F401
    except (ImportError, OSError) as error:
        pytest.skip(f"PNG and PDF need CairoSVG and the library cairo: {error}")


@pytest.mark.usefixtures("_cairo")
def test_a_drawing_is_written_as_its_ending_says(tmp_path: Path) -> None:
    assert write_drawing(DRAWN, tmp_path / "a.svg").read_text() == DRAWN
    assert Figure("t", DRAWN).save(tmp_path / "a.pdf").read_bytes().startswith(b"%PDF-")
    picture = write_drawing(DRAWN, tmp_path / "a.PNG").read_bytes()
    assert picture.startswith(b"\x89PNG")
    size = (int.from_bytes(picture[place : place + 4]) for place in (16, 20))
    assert tuple(size) == (3 * WIDTH, 3 * HEIGHT)


@pytest.mark.parametrize("name", ["a.gif", "a", "svg"])
def test_another_ending_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ExportError, match=rf"as {name}; let its name end in .svg, .png or .pdf"):
        write_drawing(DRAWN, tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("missing", ["the package", "the library"])
def test_what_a_format_needs_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, "cairosvg", None)
    if missing == "the library":  # as cairocffi says it
        (tmp_path / "cairosvg.py").write_text("raise OSError('no library called cairo-2')")
        monkeypatch.delitem(sys.modules, "cairosvg")
        monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ExportError, match=r".pdf needs CairoSVG.*pip install 'evo-nas\[figures\]'"):
        write_drawing(DRAWN, tmp_path / "a.pdf")
    write_drawing(DRAWN, tmp_path / "a.svg")


@pytest.mark.usefixtures("_cairo")
def test_figures_of_commands_are_what_their_file_is_called(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for ending, begins in ((".png", b"\x89PNG"), (".pdf", b"%PDF-"), (".svg", b"<svg")):
        for words in (("network", "glit_tiny"), ("accuracy", "--paper")):
            out = tmp_path / f"{words[0]}{ending}"
            assert command_line("figure", *words, "--out", out) == 0
            assert out.read_bytes().startswith(begins)
    assert command_line("figure", "accuracy", "--paper", "--out", tmp_path / "a.jpeg") == 2
    assert "a.jpeg; let its name end in .svg, .png or .pdf" in capsys.readouterr().err
    assert command_line("figure", "features", "a.png", "--network", "x", "--out", "f.svg") == 2
    assert "f.svg; end it in .png or .pdf" in capsys.readouterr().err
