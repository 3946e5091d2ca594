"""A comparison's page: the tables' numbers, escaped, without a network."""

from __future__ import annotations

import html
import math
import shlex
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from evo_nas.analysis.comparison.page import comparison_page, write_comparison_page
from evo_nas.analysis.comparison.report import Report
from tests.docs.commands import parse
from tests.kit.command import command_line
from tests.kit.pages import read_page
from tests.kit.runs import COUNTED, compared


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder = tmp_path_factory.mktemp("comparisons") / "c"
    return compared(folder, "hierarchical,random", seeds=2, **COUNTED)


def test_every_row_and_difference_is_there(found: Report) -> None:
    page = read_page(comparison_page(found))
    for row in found.rows:
        assert not math.isnan(row.deviation)
        assert f"{row.mean('accuracy'):.4f} ± {row.deviation:.4f}" in page.text
        assert f"{row.best:.4f}" in page.text
    assert found.differences
    for each in found.differences:
        estimate = each.estimate
        assert (
            f"{each.first} {each.second} {estimate.value:+.4f} {estimate.low:+.4f} to "
            f"{estimate.high:+.4f} 2 seeds are too few"
        ) in page.text
    assert page.text.count("Best so far") == 2 * 2  # as a title and for screen readers
    for outcome in found.rows[0].outcomes:
        assert outcome.folder in page.text


def test_the_command_is_the_comparison(found: Report) -> None:
    page = comparison_page(found)
    line = page[page.index("evo-nas compare") :].partition("</pre>")[0].replace("\\\n", " ")
    words = shlex.split(line)
    given = dict(zip(words[2::2], words[3::2], strict=True))
    assert given["--strategies"] == "hierarchical,random"
    assert (given["--seeds"], given["--seed"], given["--protocol"]) == ("2", "0", "both")
    assert given["--samples"] == str(found.comparison.options["samples"])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "within 1.4G FLOPs"),
        ({"flops": "300..400"}, "within 300..400 FLOPs"),
        ({"params": "6M"}, "within 6M parameters"),
        (
            {"flops": "1G", "latency": "9ms", "limits": ["a/b.py:E#x<=6", "params>=2"]},
            "within 1G FLOPs, 9ms latency, b.py:E#x<=6, params>=2",
        ),
    ],
)
def test_any_limits_and_none_are_told_and_repeated(
    found: Report, given: dict[str, Any], told: str
) -> None:
    options = {**found.comparison.options, "limits": [], **given}
    if "flops" not in given:
        del options["flops"]  # a file has no word for what was not given
    limited = replace(found, comparison=replace(found.comparison, options=options))
    page = comparison_page(limited)
    assert f"on tests.kit.plugins:Tiny?blocks=4 {told} " in read_page(page).text
    line = html.unescape(page[page.index("evo-nas compare") :].partition("</pre>")[0])
    words = shlex.split(line.replace("\\\n", " "))
    parse(words[1:], "the command")
    assert [b for a, b in pairwise(words) if a == "--limit"] == options["limits"]


def test_one_seed_is_said_to_be_one(tmp_path: Path) -> None:
    single = compared(tmp_path / "c", "random", seeds=1, protocol="paper", **COUNTED)
    assert "One seed says nothing" in read_page(comparison_page(single)).text


def test_names_are_text(found: Report) -> None:
    hostile = "<script>alert(1)</script>"
    options = {**found.comparison.options, "flops": hostile}
    named = replace(found, comparison=replace(found.comparison, options=options))
    calm = read_page(comparison_page(found))
    page = read_page(comparison_page(named))
    assert page.tags == calm.tags
    assert hostile in page.text


def test_the_command_report_writes_the_page_of_a_comparison(found: Report, tmp_path: Path) -> None:
    assert command_line("report", found.folder) == 0
    written = (found.folder / "report.html").read_text()
    assert write_comparison_page(found, tmp_path / "p.html").read_text() == written
