"""Types and ranges of options, as signatures declare them."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Seq
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest

from evo_nas.core.plugins.options import (
    OptionError,
    above,
    at_least,
    at_most,
    below,
    hints,
    read,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


class Colour(Enum):
    RED = 1


SMALL = Annotated[int, at_least(1), at_most(9)]


@pytest.mark.parametrize(
    ("hint", "text", "value"),
    [
        (SMALL, "9", 9),
        (SMALL | None, "1", 1),
        (Annotated[float, above(0), below(1)], "0.5", 0.5),
        (Annotated[float, at_least(0)] | str, "all", "all"),
        (float, "2", 2),
        (bool, "true", True),
        (str, "12", "12"),
        (str | None, "1e3", "1e3"),
        (Literal["run", "target"], "run", "run"),
        (Any, "1", 1),
        (bool, "False", False),
        (Any, "True", True),
        (float | None, "None", None),
        (str | None, "none", "none"),
        (Literal[2, 4], "4", 4),
        (Literal["1", "2"], "2", "2"),
        (Literal[True, "auto"], "true", True),
        (Literal["auto"] | int, "3", 3),
        (int | Literal["auto"], "auto", "auto"),
        (list[int], "1,2", [1, 2]),
        (list[SMALL] | None, "1", [1]),
        (tuple[int, str], "1,2", (1, "2")),
        (tuple[float, ...], "1,0.5", (1, 0.5)),
        (Seq[str], "a, 1", ("a", "1")),
        (list, "1,a", [1, "a"]),
        (int | list[int], "3,4", [3, 4]),
        (set[int], "", set()),
        (Path, "12", Path("12")),
        (Colour, "RED", Colour.RED),
        (Colour, "1", Colour.RED),
        (Callable[[], int], "f", "f"),
    ],
)
def test_a_text_becomes_what_is_declared(hint: Any, text: str, value: object) -> None:
    found = read(text, hint)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("hint", "text", "said"),
    [
        (int, "two", "'two' must be a whole number"),
        (int, "true", "True must be a whole number"),
        (SMALL, "1.0", "1.0 must be a whole number, 1 or more, 9 or less"),
        (SMALL | None, "0", "0 must be a whole number, 1 or more, 9 or less"),
        (Annotated[float, above(0), below(1)], "1", "1 must be a number, above 0, below 1"),
        (float, "1e999", "inf must be a number"),
        (bool, "yes", "'yes' must be true or false"),
        (Literal["run", "target"], "proxy", "'proxy' must be run or target"),
        (Literal[2, 4], "3", "3 must be 2 or 4"),
        (int | None, "two", "'two' must be a whole number"),
        (int | Literal["auto"], "1.5", "1.5 must be a whole number or auto"),
        (list[int], "1,a", "'1,a' must be a whole number, or several with commas between"),
        (list[SMALL], "1,99", "'1,99' must be a whole number, 1 or more, 9 or less, or several"),
        (tuple[int, int], "1", "1 must be 2 values with commas between"),
        (Colour, "blue", "'blue' must be 1 or RED"),
    ],
)
def test_other_values_are_refused(hint: Any, text: str, said: str) -> None:
    with pytest.raises(OptionError) as raised:
        read(text, hint)
    assert str(raised.value).startswith(said)


def test_what_only_type_checkers_know_says_nothing() -> None:
    def plugin(several: Sequence[int], number: SMALL = 1, free=None) -> None: ...  # type: ignore[no-untyped-def]

    assert hints(plugin) == {"several": Any, "number": SMALL, "free": Any}
    assert hints(dict) == {}
