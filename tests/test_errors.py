"""What errors say."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from evo_nas.errors import counted, shell_word


@pytest.mark.parametrize(
    "name", ["runs/a b", "-x", "it's", "größe?&=;%#", "$HOME", "a\nb", "plain"]
)
def test_a_name_in_a_command_is_one_word_and_no_option(name: str) -> None:
    (word,) = shlex.split(shell_word(name))
    assert Path(word) == Path(name)
    assert not word.startswith("-")


def test_numbers_and_nouns_agree() -> None:
    assert [counted(n, "epoch") for n in (0, 1, 2)] == ["0 epochs", "1 epoch", "2 epochs"]
    assert counted(1, "process", "processes") == "1 process"
    assert counted(3000, "process", "processes") == "3,000 processes"
