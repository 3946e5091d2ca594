"""One mistake is told once, however many checks it fails."""

from __future__ import annotations

from evo_nas.testing.check import Outcome, told_once


def failed(name: str, message: str) -> Outcome:
    return Outcome(name, "failed", message)


def test_one_mistake_is_told_once() -> None:
    line = "(space.py, line 7: return self.head(x))"
    outcomes = [
        failed("networks classify", f"RuntimeError: 1x3 and 4x2 do not fit {line}"),
        Outcome("choices", "passed"),
        failed("costs", f"RuntimeError: 8x3 and 4x2 do not fit {line}"),  # for other images
        failed("pictures", f"KeyError: 'size' {line}"),
        failed("supernet", "it forgets a value"),
        failed("export", "it forgets a value"),
        Outcome("weights", "skipped", "it scores nothing, see above"),
        Outcome("order", "skipped", "it scores nothing, see above"),
    ]
    told = [message for _, message in told_once(outcomes)]
    assert told[0] == outcomes[0].message
    assert told[2] == "the same mistake as in: networks classify"
    assert told[3] == outcomes[3].message
    assert told[4:6] == ["it forgets a value", "the same mistake as in: supernet"]
    assert told[6:] == ["it scores nothing, see above"] * 2
