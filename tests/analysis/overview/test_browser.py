"""The served pages in Chromium: drawn in its colours, and looked at again."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from evo_nas.analysis.overview.server import Server, serving
from tests.kit.runs import make_run

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium here"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    make_run(folder / "one")
    with serving(folder, 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def browse(address: str, profile: Path, *flags: str) -> str:
    words = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    words += [f"--user-data-dir={profile}", *flags, address]
    found = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    return found.stdout


@pytest.mark.parametrize("width", [500, 1280])
@pytest.mark.parametrize(("scheme", "paper"), [("0", (20, 24, 30)), ("1", (255, 255, 255))])
@pytest.mark.parametrize("path", ["", "of/one/"])
def test_a_page_is_drawn_light_and_dark_wide_and_narrow(
    server: Server, tmp_path: Path, width: int, scheme: str, paper: tuple[int, ...], path: str
) -> None:
    shot = tmp_path / "shot.png"
    flags = (f"--window-size={width},900", f"--blink-settings=preferredColorScheme={scheme}")
    browse(server.address + path, tmp_path / "profile", f"--screenshot={shot}", *flags)
    with Image.open(shot) as drawn:
        image = drawn.convert("RGB")
    assert image.size == (width, 900)
    assert image.getpixel((2, 2)) == paper
    assert image.getpixel((width - 3, 450)) == paper  # nothing runs out of the page
    assert len(image.getcolors(2**20) or ()) > 10


def test_an_overview_is_looked_at_again(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, page = [], server.pages.page

    def counted(path: str) -> object:
        asked.append(path)
        return page(path)

    monkeypatch.setattr(server.pages, "page", counted)
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}"]
    words = [CHROMIUM, *flags, "--remote-debugging-port=0", server.address]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(600):
                if asked.count("/") >= 2:
                    break
                time.sleep(0.1)
        finally:
            process.terminate()
    assert asked.count("/") >= 2
