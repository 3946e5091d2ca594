"""What must hold of every page: it is whole, and opens without a network."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Page(HTMLParser):
    """A page taken apart: its tags in order, its texts, and what it refers to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.texts: list[str] = []
        self.anchors: list[str] = []
        self.ids: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attributes)))
        given = dict(attributes)
        assert len(given) == len(attributes), f"an attribute twice: {attributes}"
        assert tag not in {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
        for name, value in attributes:
            assert not name.startswith("on"), f"{tag} runs code: {value}"
            assert name not in {"src", "srcset", "xlink:href", "action", "poster"}
            if name == "href":
                assert tag == "a"
                assert value is not None
                self.anchors.append(value)
            elif name != "xmlns":
                assert "://" not in (value or "") or name == "aria-label", (tag, name, value)
        if "id" in given:
            self.ids.append(given["id"] or "")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        last = self._open.pop()
        assert last == tag, f"</{tag}> closes <{last}>"

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "style":
            assert "@import" not in data
            assert "url(" not in data
        elif data.strip():
            self.texts.append(" ".join(data.split()))

    @property
    def text(self) -> str:
        """All that is to be read."""
        return " ".join(self.texts)


def read_page(html: str) -> Page:
    """Take a page apart, and check it."""
    assert html.startswith("<!DOCTYPE html>")
    page = Page(html)
    assert len(page.ids) == len(set(page.ids))
    for anchor in page.anchors:
        assert anchor[0] == "#", anchor
        assert anchor[1:] in page.ids
    return page
