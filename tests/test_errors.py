"""What errors say."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from evo_nas.errors import shell_word


@pytest.mark.parametrize(
    "name", ["runs/a b", "-x", "it's", "größe?&=;%#", "$HOME", "a\nb", "plain"]
)
def test_a_name_in_a_command_is_one_word_and_no_option(name: str) -> None:
    (word,) = shlex.split(shell_word(name))
    assert Path(word) == Path(name)
    assert not word.startswith("-")
