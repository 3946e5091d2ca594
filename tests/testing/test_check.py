"""One mistake is told once, however many checks it fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import nn

from evo_nas.space.space import Costs, Genome, Geometry
from evo_nas.testing import space_checks
from evo_nas.testing.check import Outcome, told_once
from tests.kit.plugins import Layered


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


class Misfit(Layered):
    """Its last layer reads one channel too many, in which no line of its own is at work."""

    def slot_costs(self, slot: str, context: Genome) -> Mapping[Genome, Costs]:
        return {(value,): {"flops": value, "params": value} for value in range(3)}

    def fixed_costs(self, context: Genome) -> Costs:
        return {"flops": 1, "params": 1}

    def build(self, genome: Sequence[int], geometry: Geometry) -> nn.Module:
        wrong = nn.Sequential(nn.ReLU(), nn.Linear(25, geometry.classes))
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 24), wrong)


def test_a_layer_that_does_not_fit_is_told_once_with_its_genome_and_place() -> None:
    names = ("networks classify images at the target", "networks travel to other processes")
    checks = [check for check in space_checks(Misfit) if check.name in names]
    (first, told), (_, again) = told_once(check.outcome() for check in checks)
    line = Misfit.build.__code__.co_firstlineno
    assert told.partition(" at ")[0].startswith("the network of (")
    assert told.endswith(
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x24 and 25x2) (in layer 2.1, "
        "Linear(in_features=25, out_features=2, bias=True)); build() is in test_check.py, "
        f"line {line}"
    )
    assert first.mistake == "RuntimeError (in layer 2.1, Linear"
    assert again == f"the same mistake as in: {names[0]}"
