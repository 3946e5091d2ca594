"""The page class by class: a matrix of few classes, the worst of many."""

from __future__ import annotations

import numpy as np

from evo_nas.core.plugins import registry
from evo_nas.evaluation.final_test.confusion import Confusion
from evo_nas.results.page.classes import class_parts
from evo_nas.results.page.run import run_page
from tests.kit.finished import evaluation, genome, made
from tests.kit.pages import Page, read_page


def page_of(**confusions: Confusion) -> Page:
    facts = {"versions": {"evo-nas": "0.1.0"}, "data": "none", "confusions": confusions}
    result = made(evaluation(genome(0), 0.5), best=genome(0), facts=facts)
    return read_page(run_page(result, registry.load("space", result.config.space)))


def of(count: int, wrong: int) -> Confusion:
    """Ten images of each class but the last; of every second, ``wrong`` are taken for the next."""
    labels = np.arange(count - 1).repeat(10)
    taken = labels + (np.arange(len(labels)) % 10 < wrong * (labels % 2))
    return Confusion.of([f"kind of {number}" for number in range(count)], labels, taken)


def test_few_classes_have_a_row_each_and_a_matrix() -> None:
    page = page_of(test=of(4, 3), validation=of(4, 0))
    assert "The test split Accuracy 0.9000, balanced accuracy 0.9000" in page.text
    assert "The validation split Accuracy 1.0000" in page.text
    assert "No image of class 'kind of 3'" in page.text
    assert "kind of 1 0.700 10 kind of 0 1.000 10 kind of 2 1.000 10" in page.text
    assert (
        "1 2 3 4 1 kind of 0 10 · · · 2 kind of 1 · 7 3 · 3 kind of 2 · · 10 · 4 kind of 3 · · · ·"
        in (page.text)
    )


def test_short_names_head_the_columns() -> None:
    found = Confusion.of(("cat", "dog"), np.array([0, 1]), np.array([1, 1]))
    assert "cat dog cat · 1 dog · 1" in page_of(test=found).text


def test_many_classes_have_their_worst_and_what_is_confused_most() -> None:
    (part,) = class_parts({"test": of(1000, 4)})
    assert not part.matrix
    assert [row[1] for row in part.recalls.rows] == ["0.600"] * 10
    assert part.confused is not None
    assert part.confused.rows[0] == ("kind of 1", "kind of 2", "4", "40%")
    assert len(part.confused.rows) == 10
    text = page_of(test=of(1000, 4)).text
    assert "mean recall of 999 classes, on 9,990 images" in text
    assert "kind of 500" not in text


def test_runs_that_kept_none_have_no_such_section() -> None:
    assert "Class by class" not in page_of().text
