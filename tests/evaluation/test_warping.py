import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evo_nas.evaluation.warping import half_ranked


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_half_ranks_keep_the_order_and_forget_how_bad_the_bad_are(values: list[float]) -> None:
    given_, warped = np.array(values), half_ranked(np.array(values))
    assert np.isfinite(warped).all()
    order = np.argsort(given_, kind="stable")
    assert (np.diff(warped[order]) >= -1e-9).all()


def test_the_better_half_keeps_its_proportions_and_a_disaster_decides_nothing() -> None:
    values = np.array([0.5, -1e9, 3.0, 1.0, 0.0, 2.0, -5.0])
    warped = half_ranked(values)
    assert warped[[3, 5, 2]] / warped[3] == pytest.approx([1, 3, 5])
    assert half_ranked(1000 * values + 93) == pytest.approx(warped)
    assert half_ranked(np.maximum(values, -6)) == pytest.approx(warped)
