"""Plug-ins written for version 0.1 still find what they import, and are told where it is now."""

from __future__ import annotations

import importlib
import sys

import pytest


@pytest.mark.parametrize(
    ("old", "name", "package"),
    [
        ("counted_space", "CountedSpace", "evo_nas.space"),
        ("costcache", "count", "evo_nas.space"),
        ("distribution", "mutation", "evo_nas.sampling"),
        ("evaluator", "Evaluator", "evo_nas.evaluation"),
        ("images", "prepare", "evo_nas.data"),
        ("measuring", "seeded_weights", "evo_nas.training"),
        ("registry", "load", "evo_nas.core.plugins"),
        ("strategy", "Strategy", "evo_nas.strategies"),
    ],
)
def test_an_old_path_gives_the_same_object_and_says_where_it_is_now(
    old: str, name: str, package: str
) -> None:
    sys.modules.pop(f"evo_nas.{old}", None)
    with pytest.warns(DeprecationWarning, match=rf"evo_nas\.{old} is now {package}$"):
        module = importlib.import_module(f"evo_nas.{old}")
    assert getattr(module, name) is getattr(importlib.import_module(package), name)
    with pytest.raises(AttributeError, match=rf"now {package}\) has no 'nothing'"):
        module.nothing  # noqa: B018


def test_other_modules_are_as_absent_as_before() -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("evo_nas.nothing")
