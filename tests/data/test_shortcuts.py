"""Classes that their files tell apart, whatever the pictures show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evo_nas.data.folders.class_folders import list_folder
from evo_nas.data.survey import Wishes, survey
from tests.kit.images import Image, picture

DEEP = Image.fromarray(np.arange(0, 65536, 256, dtype=np.uint16).reshape(16, 16))


def notes(folder: Path, **pictures: list[tuple[Any, str]]) -> tuple[str, ...]:
    """What is told of classes with some pictures, each with the ending of its file."""
    for name, files in pictures.items():
        (folder / name).mkdir()
        for number, (image, ending) in enumerate(files):
            image.save(folder / name / f"{number}.{ending}")
    table = list_folder(folder)
    return survey(table, np.arange(len(table)), Wishes()).notes


def some(mode: str = "RGB", ending: str = "png", size: int = 16) -> list[tuple[Any, str]]:
    return [(picture((9, 9, 9), (size, size), seed).convert(mode), ending) for seed in range(4)]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (some("RGBA"), "are transparent and"),
        (some(ending="jpg"), "are JPEG files and"),
        (some("L"), "are grey and"),
        (some(size=18), "are 18x18 pixels and"),
        ([(DEEP, "png")] * 4, "are of more than 8 bits and"),
    ],
)
def test_a_kind_of_file_that_one_class_has_is_told(
    tmp_path: Path, files: list[tuple[Any, str]], said: str
) -> None:
    (note,) = notes(tmp_path, a=files, b=some(), c=some())
    assert note.startswith(f"pictures of class 'a' {said} those of classes 'b', 'c' are not: ")


def test_what_parts_the_classes_alike_is_told_once_and_else_apart(tmp_path: Path) -> None:
    found = notes(tmp_path, a=some("RGBA"), b=some(ending="jpg"), c=some("RGBA", "tiff"))
    assert [line.partition(":")[0] for line in found] == [
        "pictures of classes 'a', 'c' are transparent and those of class 'b' are not",
        "pictures of class 'a' are PNG files and those of classes 'b', 'c' are not",
        "pictures of class 'c' are TIFF files and those of classes 'a', 'b' are not",
    ]


def test_what_all_are_or_some_of_each_or_too_few_says_nothing(tmp_path: Path) -> None:
    mixed = [*some("RGBA")[:2], *some(ending="jpg")]
    few = some("RGBA", size=20)[:2]
    assert notes(tmp_path, a=mixed, b=mixed, c=few) == ()
