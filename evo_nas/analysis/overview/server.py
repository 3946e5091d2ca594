"""A local server of pages over all that lies below a folder: read-only, for this machine alone.

It hears on 127.0.0.1, and answers requests only that name this machine (``Host``): a page from
elsewhere whose name is bound to 127.0.0.1 is refused. What is asked for is looked up among what was
made below the folder, so that no path leads out of it. Pages have neither scripts nor anything that
is fetched, and the browser is told to allow none.

Why: docs/decisions/063-who-is-at-work.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from evo_nas.errors import RunError

from .pages import Page, Pages, refusal

_NAMES = ("127.0.0.1", "localhost")
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Server(ThreadingHTTPServer):
    """The server; ``address`` is what a browser opens."""

    daemon_threads = True

    def __init__(self, folder: Path, port: int) -> None:
        self.pages = Pages(folder)
        super().__init__((_NAMES[0], port), _Handler)

    @property
    def address(self) -> str:
        """With the port that was free, if 0 was asked for."""
        return f"http://{_NAMES[0]}:{self.server_address[1]}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of browsers that do not wait for an answer."""


@contextmanager
def serving(folder: Path, port: int) -> Iterator[Server]:
    """A server of pages over what lies below a folder, which listens.

    Raises:
        RunError: there is no such folder, or the port is taken.
    """
    if not folder.is_dir():
        raise RunError(f"there is no folder {folder}; name one in which runs lie")
    try:
        server = Server(folder, port)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RunError(f"port {port} cannot be used: {reason}; give another --port") from error
    with server:
        yield server


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = 30  # seconds that a silent client has a thread

    def __getattr__(self, name: str) -> Any:
        """What answers a method: all but GET and HEAD are refused."""
        if not name.startswith("do_"):
            raise AttributeError(name)
        return self._look if name in ("do_GET", "do_HEAD") else self._refuse

    def _look(self) -> None:
        self._answer(self._page())

    def _refuse(self) -> None:
        told = "Pages are only looked at here."
        self._answer(refusal(HTTPStatus.METHOD_NOT_ALLOWED, told), {"Allow": "GET, HEAD"})

    def _page(self) -> Page:
        hosts = self.headers.get_all("Host") or [""]
        # Whatever the port: ssh may have forwarded another one.
        if len(hosts) > 1 or hosts[0].partition(":")[0].lower() not in _NAMES:
            told = "This server answers to 127.0.0.1 and localhost only."
            return refusal(HTTPStatus.MISDIRECTED_REQUEST, told)
        return self.server.pages.page(urlsplit(self.path).path)

    def _answer(self, page: Page, more: dict[str, str] | None = None) -> None:
        content = page.html.encode(errors="replace")
        self.send_response(page.status)
        headers = {**_HEADERS, **(more or {}), "Content-Length": str(len(content))}
        if page.refresh:
            headers["Refresh"] = str(page.refresh)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def version_string(self) -> str:
        """No version of ours, nor of Python."""
        return "evo-nas"

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing of requests."""
