import pytest

from evo_nas.data.broken import Unreadable
from evo_nas.errors import DataError


def broken(*rows):
    return {row: f"picture {row}.jpg cannot be decoded (bad); repair or remove it" for row in rows}


@pytest.mark.parametrize(
    ("skip", "pictures", "most"), [(0, 9, 0), (0.001, 999, 0), (0.001, 1000, 1), (0.07, 100, 7)]
)
def test_a_share_is_a_number_of_pictures(skip, pictures, most):
    assert Unreadable("p", pictures, skip).most == most


def test_they_are_counted_once_and_the_first_are_named():
    unreadable = Unreadable("p", 1000, 0.01)
    assert unreadable.notes("are left out") == []
    unreadable.add(broken(3, 5))
    unreadable.add(broken(5))
    assert unreadable.notes("are left out") == [
        "2 of 1,000 pictures of p cannot be decoded and are left out: 3.jpg (bad), 5.jpg (bad)"
    ]
    unreadable.add(broken(7, 8, 9))
    (line,) = unreadable.notes("are left out")
    assert line.endswith("3.jpg (bad), 5.jpg (bad), 7.jpg (bad) and 2 more")


def test_too_many_are_an_error_that_says_what_to_do():
    unreadable = Unreadable("p", 100, 0.02)
    unreadable.add(broken(1, 2))
    with pytest.raises(
        DataError,
        match=r"^3 of 100 pictures of p cannot be decoded, where skip=0.02 allows for 2: 1.jpg .*"
        r"repair or remove them, or raise skip \(that of a run stands in its config.toml",
    ):
        unreadable.add(broken(3))
    with pytest.raises(DataError, match=r"^picture 4.jpg .* remove it, or let a share of .* be"):
        Unreadable("p", 100).add(broken(4))  # where none is allowed it is told as it is
