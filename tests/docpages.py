"""The pages of the documentation, taken apart into what can be run.

A fenced block ``python`` is executed, or written to the file that its ``title`` names; of a block
``console`` each line is a command. The blocks of a page are run in their order, in one folder and
one namespace. A comment on the line before a block changes that:

- ``<!-- not run: REASON -->``: commands are parsed only, Python is compiled only;
- ``<!-- run with: OPTIONS -->``: each evo-nas command gets these options as well, to be quick;
- ``<!-- before: COMMAND -->``: what the block needs, such as a run, is made by this command.

``<!-- slow: REASON -->`` anywhere makes the whole page slow, ``<!-- not run here: REASON -->`` is
for all blocks that no other comment stands before. Indented blocks of commands are as ``console``.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_COMMENT = re.compile(r"<!-- (not run here|not run|run with|before|slow): (.+?) -->\s*")
_FENCE = re.compile(r"```(\w*)(?:\s+title=\"([^\"]+)\")?\s*")
_INLINE = re.compile(r"`(evo-nas [^`]+)`")


@dataclass(frozen=True, slots=True)
class Block:
    """A block: its language, its text, the file that it is, and what was said of running it."""

    line: int
    language: str
    text: str
    title: str | None
    reason: str | None  # why it is not run
    options: tuple[str, ...]
    before: tuple[str, ...] = ()  # the words of a command that makes what it needs

    @property
    def commands(self) -> list[list[str]]:
        """The words of each command, without the options that make it quick."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [
            words
            for line in lines
            for part in line.split("&&")
            if (words := shlex.split(part, comments=True))
        ]


@dataclass(frozen=True, slots=True)
class DocPage:
    """A page: its blocks in order, the commands in its sentences, and whether it is slow."""

    path: Path
    blocks: tuple[Block, ...]
    mentioned: tuple[str, ...]
    slow: str | None


def read_page(path: Path) -> DocPage:
    """Take a page apart."""
    text = path.read_text(encoding="utf-8")
    said = dict(_COMMENT.findall(text))
    blocks = tuple(_blocks(text.splitlines(), said.get("not run here")))
    outside = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return DocPage(path, blocks, tuple(_INLINE.findall(outside)), said.get("slow"))


def _blocks(lines: list[str], usual_reason: str | None) -> Iterator[Block]:
    number = 0
    comment: tuple[str, str] | None = None
    before: tuple[str, ...] = ()
    while number < len(lines):
        line, start = lines[number], number
        fence, found = _FENCE.fullmatch(line), _COMMENT.fullmatch(line)
        number += 1
        if found and found[1] == "before":
            before = tuple(shlex.split(found[2]))
            continue
        if found:
            comment = (found[1], found[2])
            continue
        if fence:
            end = lines.index("```", number)
            language, title, body = fence[1], fence[2], lines[number:end]
            number = end + 1
        elif re.match(r" {4}(evo-nas|pip|pytest) ", line) and not lines[start - 1].strip():
            while number < len(lines) and lines[number].startswith("    "):
                number += 1
            language, title, body = "console", None, [each[4:] for each in lines[start:number]]
        else:
            comment = comment if not line.strip() else None
            continue
        kind, words = comment or ("", "")
        reason = words if kind == "not run" else None if kind else usual_reason
        options = tuple(shlex.split(words)) if kind == "run with" else ()
        yield Block(start + 1, language, "\n".join(body) + "\n", title, reason, options, before)
        comment, before = None, ()
