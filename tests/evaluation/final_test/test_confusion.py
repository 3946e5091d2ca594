"""What is counted class by class, also of many classes and of classes without images."""

from __future__ import annotations

import numpy as np
import pytest

from evo_nas.evaluation.final_test.confusion import Confusion

LABELS = np.array([0, 0, 0, 0, 1, 1, 3, 3, 3])
TAKEN = np.array([0, 0, 0, 1, 3, 3, 3, 3, 0])
FOUND = Confusion.of("abcd", LABELS, TAKEN)


def test_counts_are_those_of_the_images() -> None:
    assert FOUND.images == (4, 2, 0, 3)
    assert FOUND.matrix == [[3, 1, 0, 0], [0, 0, 0, 2], [0, 0, 0, 0], [1, 0, 0, 2]]
    assert FOUND.accuracy == 5 / 9


def test_classes_without_images_count_for_nothing() -> None:
    assert FOUND.recalls == (0.75, 0.0, None, 2 / 3)
    assert FOUND.missing == ("c",)
    assert FOUND.balanced_accuracy == pytest.approx((0.75 + 0 + 2 / 3) / 3)


def test_the_worst_come_first() -> None:
    assert [(name, images) for name, _, images in FOUND.by_recall] == [("b", 2), ("d", 3), ("a", 4)]
    assert FOUND.confused == [("b", "d", 2), ("a", "b", 1), ("d", "a", 1)]


def test_a_thousand_classes_are_kept_as_what_happened() -> None:
    labels = np.arange(1000).repeat(5)
    taken = np.where(labels % 7 == 0, (labels + 1) % 1000, labels)
    found = Confusion.of([str(number) for number in range(1000)], labels, taken)
    assert len(found.counts) == 1000
    assert found.balanced_accuracy == pytest.approx(found.accuracy)
    assert len(found.confused) == 143
