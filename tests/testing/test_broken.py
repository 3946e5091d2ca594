"""Every mistake is found, by the check that it belongs to, in words that say what to fix."""

from __future__ import annotations

import re

import pytest

from evo_nas import testing
from evo_nas.testing import Outcome

HERE = "tests.testing.broken"

SPACES = {
    "NamedTwice": ("choices are well-formed", "block1.kind is used by several.*names unique"),
    "TupleOption": ("choices are well-formed", r"option \(3, 3\) is a tuple; write int, float"),
    "Cheap": ("costs are what fvcore counts", "fvcore counts .* flops .* costs.. says"),
    "Immovable": (
        "costs follow another target, where one can be chosen",
        "do not follow its target .*13 classes; .* depend on self.target",
    ),
    "NotAdding": ("slot costs add up", "add up to .*costs.. says .*let slot_costs return None"),
    "Restless": ("canonical genomes stay, and cost the same", "must stay as it is"),
    "OtherPath": ("a path of the supernet is the stand-alone network", "differ by .*compare"),
    "SharedNames": ("equal steps of the supernet do the same", "name all that the step depends"),
    "Lent": ("a path of the supernet is the stand-alone network", "give copies"),
    "Blind": ("other genomes are other networks", r"block1.hidden = .* one network .*let build"),
    "WrongShape": ("networks classify images at the target", r"give logits of shape \(2, 10\)"),
    "Raises": ("networks classify images at the target", r"broken_spaces.py, line \d+: .*\"ten\""),
    "ByChance": ("it is the same space whenever it is loaded", "leave nothing to chance"),
    "NoRoom": ("networks train at small geometries", "return a Geometry with those channels"),
    "Unfinished": ("it loads", r"no attribute 'sizes' \(broken_spaces.py, line \d+\)"),
    "no_space": ("it loads", "it is a dict; derive its class from evo_nas.space.Space"),
}
EVALUATORS = {
    "NotANumber": ("it returns its objectives as finite numbers", "accuracy = nan"),
    "Forgets": ("it returns its objectives as finite numbers", "without 'latency'"),
    "OnlyANumber": (
        "it returns its objectives as finite numbers",
        "returns a mapping of metrics, not",
    ),
    "Tossed": ("the same seed gives the same scores", "draw only from context.streams"),
    "StartsAnew": ("a training in parts ends as a whole one", "stop early in the schedule"),
    "Recounts": ("a training in parts ends as a whole one", "'in parts': 30"),
    "Remembers": ("scores depend on neither order nor company", "nothing stay from one cand"),
    "Blindfold": ("images are counted, or not needed", "say needs_data = False"),
    "GivesUp": ("a candidate that fails fails alone", "gets no score either .*failed before"),
    "Meddles": ("threads, settings and global random state stay", "Python's random .*put it back"),
    "Raises": ("it returns its objectives as finite numbers", r"evaluators.py, line \d+: return"),
    "Once": ("it opens again where it was closed", "FileExistsError"),
    "Picky": ("it accepts the space", "spaces of trees .* check it with --space"),
    "Secretive": ("weights that it keeps are there", "say keeps_weights = True"),
    "Loses": ("weights that it keeps are there", "says keeps_weights, and .* is None for all"),
    "Misplaces": ("it returns its objectives as finite numbers", "yield .position in genomes"),
}
STRATEGIES = {
    "GlobalChance": ("nothing is drawn from global random state", "Python's random state changed"),
    "OwnGenerator": ("the same seed gives the same search", "only from the generator that ask"),
    "OverBudget": ("proposals are canonical and within a tight budget", "the budget is .*fresh"),
    "Endless": ("stages end with the planned candidates", "asks for more after .*empty list"),
    "Repeats": ("proposals are new", "again; sampler.fresh gives"),
    "Lazy": ("stages end with the planned candidates", "ends after 7 while there are more"),
    "BestOnly": ("failed candidates do not stop it", r"KeyError: 'accuracy' .*line \d+: self.best"),
    "Hoards": ("a stage begins from nothing", r"let begin\(\) set everything anew"),
    "Invents": ("finalists are among the scored, or legal", "which was never scored"),
    "AllFinalists": ("finalists are among the scored, or legal", "gives 40 where 1 fit"),
    "RawGenomes": ("proposals are canonical and within a tight budget", "is a list; make it a tup"),
    "Planless": ("it plans stages", "return a tuple of StagePlan"),
    "Raises": ("proposals are canonical and within a tight budget", r"line \d+: self.population"),
}
CASES = [
    pytest.param(kind, f"{HERE}_{plural}:{name}", *expected, id=f"{kind}-{name}")
    for kind, plural, cases in (
        ("space", "spaces", SPACES),
        ("evaluator", "evaluators", EVALUATORS),
        ("strategy", "strategies", STRATEGIES),
    )
    for name, expected in cases.items()
]


def outcomes(kind: str, spec: str, *, without: str = "another process") -> list[Outcome]:
    checks = getattr(testing, f"{kind}_checks")(spec)
    return [check.outcome() for check in checks if without not in check.name]


@pytest.mark.parametrize(("kind", "spec", "name", "said"), CASES)
def test_every_mistake_is_told_by_its_check(kind: str, spec: str, name: str, said: str) -> None:
    failed = {o.name: o.message for o in outcomes(kind, spec) if o.status == "failed"}
    assert name in failed, failed
    assert re.search(said, failed[name]), failed[name]


@pytest.mark.slow
def test_that_the_process_matters_is_told_by_another_process() -> None:
    checks = testing.evaluator_checks(f"{HERE}_evaluators:AtHome")
    (check,) = (check for check in checks if check.name == "it scores the same in another process")
    message = check.outcome().message
    assert re.search(r"another one give \(.*\) process \d.*say in_workers = False", message)


@pytest.mark.parametrize("kind", ["evaluators", "strategies"])
def test_what_the_mistakes_are_made_in_is_fine(kind: str) -> None:
    singular = {"evaluators": "evaluator", "strategies": "strategy"}[kind]
    assert {o.status for o in outcomes(singular, f"{HERE}_{kind}:Fine")} == {"passed"}
