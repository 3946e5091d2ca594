"""The served pages: what they show, and whom and what they refuse."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import quote

import pytest

from evo_nas.analysis.overview.folders import folders_below, is_finished, kind_of, made_in
from evo_nas.analysis.overview.server import Server, serving
from evo_nas.errors import RunError
from evo_nas.results.page.run import run_page
from evo_nas.results.result import load_result
from evo_nas.search import run_folder
from evo_nas.search.store.lock import PROGRESS
from tests.kit.pages import Page
from tests.kit.runs import make_run


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served") / "one"
    make_run(folder)
    return folder


@dataclass
class Browser:
    server: Server
    answers: list[HTTPResponse] = field(default_factory=list)

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
        """Status and text of what is at a path, which is sent as it is."""
        connection = HTTPConnection(*self.server.server_address, timeout=20)
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        self.answers.append(answer)
        text = answer.read().decode()
        connection.close()
        return answer.status, text


@pytest.fixture
def browser(tmp_path: Path, finished: Path) -> Iterator[Browser]:
    """Of a folder with a finished run, and one in a folder of its own."""
    runs = tmp_path / "runs"
    shutil.copytree(finished, runs / "one")
    shutil.copytree(finished, runs / "more <b>" / "two")
    with serving(runs, 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield Browser(server)
        server.shutdown()
        thread.join()


def test_the_overview_leads_to_all_that_lies_below(browser: Browser, tmp_path: Path) -> None:
    status, html = browser.ask("/")
    page = Page(html)
    assert status == 200
    links = [link for link in page.anchors if link.startswith("/of/")]
    assert links == [f"/of/{quote('more <b>')}/two/", "/of/one/"]
    assert "more <b>/two" in page.text
    assert str(next(made_in(tmp_path / "runs")).state) in page.text
    for link in links:
        status, html = browser.ask(link)
        assert status == 200
        assert "The network that was found" in Page(html).text


def test_a_run_s_page_is_that_of_its_report(browser: Browser, tmp_path: Path) -> None:
    status, html = browser.ask("/of/one/")
    result = load_result(tmp_path / "runs" / "one")
    assert (status, html) == (200, run_page(result, result.space, home="/"))
    assert Page(html).anchors[0] == "/"
    assert browser.answers[-1].getheader("Refresh") is None  # finished
    assert browser.ask("/of/one")[1] == html


def test_nothing_of_elsewhere_is_allowed_to_the_page(browser: Browser) -> None:
    browser.ask("/of/one/")
    policy = browser.answers[-1].getheader("Content-Security-Policy")
    assert policy
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert browser.answers[-1].getheader("X-Content-Type-Options") == "nosniff"
    assert browser.server.server_address[0] == "127.0.0.1"


def test_what_goes_on_says_so_and_is_asked_for_again(browser: Browser, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "one"
    (run / "best.json").unlink()
    before = browser.ask("/of/one/")[1]
    assert "This run is not finished" in before
    with run_folder.held(run):
        told = {"pid": os.getpid(), "what": "s search", "total": 6, "unit": "candidates"}
        (run / PROGRESS).write_text(json.dumps(told | {"done": 3, "note": "best <0.5>"}))
        text = Page(browser.ask("/of/one/")[1]).text
        assert browser.answers[-1].getheader("Refresh") == "3"
        assert "This run goes on." in text
        assert "s search: 3 of 6 candidates" in text
        assert "best <0.5>" in text
        assert "not finished" not in text
        overview = Page(browser.ask("/")[1]).text
        assert "at work, " in overview
        assert "s search, 3 of 6 candidates" in overview
    assert "unfinished, " in Page(browser.ask("/")[1]).text


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd", "/../", "/of/../../../etc/passwd", "/of/%2e%2e/", "/of/one/../../x",
        "/of/one/run.sqlite", "/of/", "/of/three/", "//evil.example/", "/of/out/", "/%00",
        "/of/%ff/", "/favicon.ico", "*",
    ],
)  # fmt: skip
def test_no_path_leads_elsewhere(browser: Browser, tmp_path: Path, path: str) -> None:
    shutil.copytree(tmp_path / "runs" / "one", tmp_path / "secret")
    (tmp_path / "runs" / "out").symlink_to(tmp_path / "secret", target_is_directory=True)
    status, html = browser.ask(path)
    assert status == 404
    assert "There is no such page." in Page(html).text
    assert "root:" not in html


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_a_name_that_was_bound_to_this_machine_is_refused(browser: Browser, host: str) -> None:
    status, html = browser.ask("/of/one/", Host=host)
    assert status == 421
    assert "The network" not in html


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:9999", "LOCALHOST"])
def test_a_port_that_ssh_forwards_is_answered(browser: Browser, host: str) -> None:
    assert browser.ask("/", Host=host)[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_pages_are_only_looked_at(browser: Browser, method: str) -> None:
    assert browser.ask("/of/one/", method)[0] == 405
    assert browser.answers[-1].getheader("Allow") == "GET, HEAD"


def test_head_is_all_but_the_page(browser: Browser) -> None:
    status, html = browser.ask("/of/one/")
    assert browser.ask("/of/one/", "HEAD") == (status, "")
    length = browser.answers[-1].getheader("Content-Length")
    assert length == str(len(html.encode()))


def test_what_cannot_be_read_is_told_on_its_page_alone(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "runs" / "one" / "best.json").write_text("{")
    status, html = browser.ask("/of/one/")
    assert status == 500
    assert "best.json" in Page(html).text
    overview = Page(browser.ask("/")[1]).text
    assert "cannot be read" in overview
    assert browser.ask(f"/of/{quote('more <b>')}/two/")[0] == 200


def test_nothing_is_written(browser: Browser, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*")}
    browser.ask("/")
    browser.ask("/of/one/")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*")} == before


def test_a_folder_that_is_a_run_itself_is_served(finished: Path) -> None:
    with serving(finished, 0) as server:
        page = server.pages.page("/")
        assert Page(page.html).anchors == ["/of/"]
        assert "The network that was found" in Page(server.pages.page("/of/").html).text


def test_what_cannot_be_served_is_one_line(tmp_path: Path, finished: Path) -> None:
    with pytest.raises(RunError, match="there is no folder"), serving(tmp_path / "no", 0):
        pass
    with serving(finished, 0) as server:
        port = server.server_address[1]
        with pytest.raises(RunError, match=f"port {port} cannot be used"):
            serving(finished, port).__enter__()
    with pytest.raises(RunError, match="port 70000 cannot be used"):
        serving(finished, 70000).__enter__()


def test_folders_are_found_where_something_was_made(browser: Browser, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    (runs / ".hidden").mkdir()
    shutil.copytree(runs / "one", runs / ".hidden" / "three")
    assert list(folders_below(runs)) == [runs / "more <b>" / "two", runs / "one"]
    assert [made.folder for made in made_in(runs)] == [runs / "one"]
    assert kind_of(runs / "one") == "run"
    assert is_finished(runs / "one")
    assert kind_of(runs) == ""
