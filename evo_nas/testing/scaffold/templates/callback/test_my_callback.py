"""Each check of the conformance kit of evo-nas is a test; add your own below."""

from pathlib import Path

import pytest

from evo_nas.testing import callback_checks

SPEC = f"{Path(__file__).with_name('my_callback.py')}:MyCallback"


@pytest.mark.parametrize("check", callback_checks(SPEC), ids=str)
def test_it_keeps_the_contract(check):
    check()
