"""A Hub of Hugging Face on this machine: as much of it as loading and uploading asks for."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

Commits = dict[str, dict[str, bytes]]  # files by the name of a branch or the id of a commit


class FakeHub:
    """Repositories by name; ``asked`` are the requests, ``created`` what was made how."""

    def __init__(self) -> None:
        self.repositories: dict[str, Commits] = {}
        self.created: list[dict[str, Any]] = []
        self.asked: list[str] = []

    def put(self, name: str, folder: Path) -> str:
        """Have a folder's files as a commit; its id."""
        files = {
            str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()
        }
        return self.commit(name, "main", files)

    def commit(self, name: str, branch: str, files: dict[str, bytes]) -> str:
        """Add files to a branch; the commit's id."""
        commits = self.repositories.setdefault(name, {})
        whole = {**commits.get(branch, {}), **files}
        told = json.dumps([(k, _digest(v)) for k, v in sorted(whole.items())])
        number = _digest(told.encode())
        commits[branch] = commits[number] = whole
        return number

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        """The status, the content and the headers of an answer."""
        self.asked.append(f"{method} {path}")
        words = unquote(path.partition("?")[0]).strip("/").split("/")
        if words[:2] == ["api", "validate-yaml"]:
            return _said({"errors": [], "warnings": []})
        if words[:3] == ["api", "repos", "create"]:
            wish = json.loads(body)
            self.created.append(wish)
            name = "/".join(filter(None, (wish.get("organization"), wish["name"])))
            self.repositories.setdefault(name, {"main": {}})
            return _said({"url": f"https://huggingface.co/{name}", "name": name})
        if words[:2] == ["api", "models"]:
            return self._of_model("/".join(words[2:4]), words[4:], body)
        if words[2:3] == ["resolve"]:
            return self._file("/".join(words[:2]), words[3], "/".join(words[4:]))
        return _missing("EntryNotFound")

    def _of_model(  # noqa: PLR0911  one answer a request
        self, name: str, words: list[str], body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        commits = self.repositories.get(name)
        if commits is None:
            return _missing("RepoNotFound")
        kind, branch = (words or ["revision", "main"])[:2]
        if kind == "branch":
            commits.setdefault(branch, dict(commits["main"]))
            return _said({})
        if branch not in commits:
            return _missing("RevisionNotFound")
        if kind == "preupload":
            files = json.loads(body)["files"]
            modes = [
                {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in files
            ]
            return _said({"files": modes})
        if kind == "commit":
            lines = [json.loads(line)["value"] for line in body.splitlines() if b'"file"' in line]
            files = {each["path"]: base64.b64decode(each["content"]) for each in lines}
            number = self.commit(name, branch, files)
            url = f"https://huggingface.co/{name}/commit/{number}"
            return _said({"success": True, "commitOid": number, "commitUrl": url})
        if kind == "tree":
            entries = [
                {"type": "file", "path": file, "size": len(content), "oid": _digest(content)}
                for file, content in commits[branch].items()
            ]
            return 200, json.dumps(entries).encode(), {"Content-Type": "application/json"}
        number = self.commit(name, branch, {}) if commits[branch] else "0" * 40
        siblings = [{"rfilename": file} for file in commits[branch]]
        return _said(
            {"id": name, "sha": number, "siblings": siblings, "private": False, "tags": []}
        )

    def _file(self, name: str, number: str, file: str) -> tuple[int, bytes, dict[str, str]]:
        content = self.repositories.get(name, {}).get(number, {}).get(file)
        if content is None:
            return _missing("EntryNotFound")
        return 200, content, {"X-Repo-Commit": number, "ETag": f'"{_digest(content)}"'}


def _digest(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


def _said(content: dict[str, Any]) -> tuple[int, bytes, dict[str, str]]:
    return 200, json.dumps(content).encode(), {"Content-Type": "application/json"}


def _missing(code: str) -> tuple[int, bytes, dict[str, str]]:
    return 404, b"{}", {"X-Error-Code": code}


@contextmanager
def fake_hub(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Iterator[FakeHub]:
    """Within it huggingface_hub knows this Hub alone, and keeps what it reads in ``cache``."""
    constants = pytest.importorskip("huggingface_hub.constants")
    hub = FakeHub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, content, headers = hub.answer(self.command, self.path, body)
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_POST = do_HEAD = _serve  # noqa: N815  names of the base class

        def log_message(self, *_words: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setenv("HF_TOKEN", "hf_nobody")
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
