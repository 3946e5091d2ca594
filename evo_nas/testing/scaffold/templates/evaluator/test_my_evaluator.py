"""Each check of the conformance kit of evo-nas is a test; add your own below."""

from pathlib import Path

import pytest

from evo_nas.testing import evaluator_checks

SPEC = f"{Path(__file__).with_name('my_evaluator.py')}:MyEvaluator"


@pytest.mark.parametrize("check", evaluator_checks(SPEC), ids=str)
def test_it_keeps_the_contract(check):
    check()
