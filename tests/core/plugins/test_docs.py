"""What the docstring of a plug-in says of it and of its options."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from evo_nas.cli.catalogue import details
from evo_nas.core.plugins import registry
from evo_nas.core.plugins.docs import Option, options, summary

SHIPPED = [
    (kind, point.name)
    for kind in ("space", "evaluator", "strategy", "data")
    for point in registry._points(kind)
    if point.value.startswith("evo_nas.")
]
# These are no one's method: what they do is told in full where they are.
WITHOUT_A_SOURCE = {
    ("space", "table"), ("space", "toml_space"), ("space", "scaled"), ("strategy", "given"),
    ("strategy", "smallest"), ("evaluator", "cascade"),
    ("evaluator", "command"), ("evaluator", "latency"), ("evaluator", "python"),
    ("evaluator", "table"), ("evaluator", "together"), ("evaluator", "train"), ("data", "none"),
    ("data", "given"),
}  # fmt: skip


class Base:
    """A base.

    Args:
        size: how many,
            written over two lines; see :class:`Base`.
        name (str): with a type.

    Raises:
        ValueError: never.
    """

    def __init__(self, size: int, name: str = "x", *, flag: bool = False, run: Any = None) -> None:
        pass


class Derived(Base):
    """One line of two
    that ends here.
    """


class Narrowed(Base):
    """Says of ``size`` what its base does not.

    Args:
        size: the only one.
    """

    def __init__(self, size: int = 3) -> None:
        super().__init__(size)


def test_options_are_told_with_default_and_meaning() -> None:
    size, name, flag, run = options(Base)
    assert size == Option("size", None, True, "how many, written over two lines; see Base.")
    assert name == Option("name", "x", False, "with a type.")
    assert (flag.default, flag.needed, flag.meaning) == (False, False, "")
    assert (run.default, run.needed) == (None, False)


def test_what_a_base_class_says_is_said_of_its_subclasses() -> None:
    assert options(Derived) == options(Base)
    assert options(Narrowed) == [Option("size", 3, False, "the only one.")]


def test_a_function_is_a_factory_too_and_what_takes_any_options_names_none() -> None:
    def made(file: str) -> None:
        """Made.

        Args:
            file: its path.
        """

    def anything(*values: int, **more: int) -> None:
        pass

    assert options(made) == [Option("file", None, True, "its path.")]
    assert options(anything) == []
    assert summary(anything) == ""


def test_a_summary_is_the_first_sentence_without_marks() -> None:
    assert summary(Derived) == "One line of two that ends here."
    assert summary(Narrowed) == "Says of size what its base does not."


@pytest.mark.parametrize(("kind", "name"), SHIPPED)
def test_each_option_of_what_ships_has_a_meaning(kind: str, name: str) -> None:
    untold = [option.name for option in options(registry.find(kind, name)) if not option.meaning]
    assert untold == []


def test_each_option_of_a_folder_of_pictures_has_a_meaning(tmp_path: Path) -> None:
    told = details("data", str(tmp_path)).options
    assert {"image_size", "validation", "stored", "workers", "skip"} <= {o.name for o in told}
    assert [option.name for option in told if not option.meaning] == []


@pytest.mark.parametrize(("kind", "name"), sorted(set(SHIPPED) - WITHOUT_A_SOURCE))
def test_each_method_that_ships_names_its_source(kind: str, name: str) -> None:
    # docs/plugins.md shows the docstring of the class, not that of its module.
    documentation = inspect.cleandoc(registry.find(kind, name).__doc__ or "")
    in_a_sentence = r"\(.*et al\.\s(19|20)\d\d"
    assert re.search(rf"^Source: [A-Z]\w+.* (19|20)\d\d, \"|{in_a_sentence}", documentation, re.M)
