"""The pages of the documentation, taken apart into what can be run.

A fenced block ``python`` is executed, or written to the file that its ``title`` names; of a block
``console`` each line is a command. The blocks of a page are run in their order, in one folder and
one namespace. Comments on the lines before a block change that:

- ``<!-- not run: REASON -->``: commands are only looked at, see :mod:`tests.docs.commands`, Python
  is compiled only;
- ``<!-- not run PROGRAM: REASON -->``: so are the commands of the block that begin with this word;
- ``<!-- run with: OPTIONS -->``: each command gets these options as well, to be quick; so does a
  call of ``evo_nas.run`` in Python;
- ``<!-- run WORD with: OPTIONS -->``: so do those commands that hold this word;
- ``<!-- before: COMMAND -->``: what the block needs, a run or pictures, is made by this command.

In these, ``DIGITS`` and ``SMALL`` are short for the options that make a search take seconds.

``<!-- slow: REASON -->`` anywhere makes the whole page slow, ``<!-- not run here: REASON -->`` is
for all blocks that no other comment stands before. Indented blocks of commands are as ``console``.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_COMMENT = re.compile(
    r"<!-- (not run here|not run|run|before|slow)(?: (\S+?))??(?: (with))?: (.+?) -->\s*"
)
_PROGRAMS = "evo-nas|pip|pytest|python|bash|nice|ruff|mkdocs"
_SHORT = {
    "DIGITS": "--data digits?train=120&validation=60&test=60",
    "SMALL": "--geometry proxy,width=12 --epochs 1 --finalist-epochs 1 --samples 4 --population 2 "
    "--parents 2 --finalists 1 --jobs 1",
}
_FENCE = re.compile(r"```(\w*)(?:\s+title=\"([^\"]+)\")?\s*")
_INLINE = re.compile(r"`((?:evo-nas|python -m|pytest) [^`]+)`")


@dataclass(frozen=True, slots=True)
class Block:
    """A block: its language, its text, the file that it is, and what was said of running it."""

    line: int
    language: str
    text: str
    title: str | None
    reason: str | None  # why it is not run
    more: tuple[tuple[str, tuple[str, ...]], ...]  # options for commands that hold a word, or all
    left: Mapping[str, str]  # why commands that begin with a word are not run
    before: tuple[tuple[str, ...], ...] = ()  # the words of commands that make what it needs

    def options(self, words: Iterable[str]) -> tuple[str, ...]:
        """What a command gets to be quick."""
        held = {"", *words}
        return tuple(option for word, options in self.more if word in held for option in options)

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
    said = {found[1]: found[4] for found in _COMMENT.finditer(text)}
    blocks = tuple(_blocks(text.splitlines(), said.get("not run here")))
    outside = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return DocPage(path, blocks, tuple(_INLINE.findall(outside)), said.get("slow"))


def _blocks(lines: list[str], usual_reason: str | None) -> Iterator[Block]:
    number = 0
    comments: list[re.Match[str]] = []
    while number < len(lines):
        line, start = lines[number], number
        fence, found = _FENCE.fullmatch(line), _COMMENT.fullmatch(line)
        number += 1
        if found:
            if found[1] not in ("slow", "not run here"):  # those are of the page
                comments.append(found)
            continue
        if fence:
            end = lines.index("```", number)
            language, title, body = fence[1], fence[2], lines[number:end]
            number = end + 1
        elif re.match(rf" {{4}}({_PROGRAMS}) ", line) and not lines[start - 1].strip():
            while number < len(lines) and lines[number].startswith("    "):
                number += 1
            language, title, body = "console", None, [each[4:] for each in lines[start:number]]
        else:
            comments = comments if not line.strip() else []
            continue
        whole = [each[4] for each in comments if each[1] == "not run" and not each[2]]
        yield Block(
            start + 1,
            language,
            "\n".join(body) + "\n",
            title,
            reason=whole[0] if whole else None if comments else usual_reason,
            more=tuple((each[2] or "", _words(each[4])) for each in comments if each[3]),
            left={each[2]: each[4] for each in comments if each[1] == "not run" and each[2]},
            before=tuple(_words(e[4]) for e in comments if e[1] == "before"),
        )
        comments = []


def _words(text: str) -> tuple[str, ...]:
    return tuple(part for word in shlex.split(text) for part in _SHORT.get(word, word).split())
