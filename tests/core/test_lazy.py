"""What a package exports is imported when it is asked for, and not before."""

from __future__ import annotations

import subprocess
import sys

import pytest

import evo_nas
from evo_nas import sampling
from evo_nas.sampling.sampler import Sampler


def test_a_public_name_is_the_object_of_its_module() -> None:
    assert sampling.Sampler is Sampler


def test_other_names_are_missing() -> None:
    with pytest.raises(AttributeError, match=r"'evo_nas\.sampling' has no attribute 'nothing'"):
        sampling.nothing  # noqa: B018


def test_nothing_is_imported_before_it_is_asked_for() -> None:
    code = (
        "import sys, evo_nas, evo_nas.cli.app, evo_nas.space, evo_nas.testing, evo_nas.results\n"
        "evo_nas.space.Space\n"
        "raise SystemExit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert "run" in evo_nas.__all__
