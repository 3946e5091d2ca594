"""The command line, in this process: what it prints is for capsys."""

from __future__ import annotations

import os
import sys
from unittest import mock

import pytest

from evo_nas.cli import app as cli


def command_line(*arguments: object, columns: int = 80) -> int:
    """The exit code of ``evo-nas`` with these arguments."""
    words = ["evo-nas", *map(str, arguments)]
    with (
        mock.patch.object(sys, "argv", words),
        mock.patch.dict(os.environ, COLUMNS=str(columns)),
        pytest.raises(SystemExit) as ended,
    ):
        cli.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code
