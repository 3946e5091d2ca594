"""What a search begins with: networks and scores that a user has."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import evo_nas
from evo_nas import api
from evo_nas.cli.app import app
from evo_nas.cli.views.plan import plan_view
from evo_nas.errors import EvoNasError, SettingsError
from evo_nas.results.result import Result
from evo_nas.sampling.sampler import Exhausted
from evo_nas.space.space import Genome
from evo_nas.strategies.base import Proposal, Scored
from evo_nas.strategies.evolution import Spos
from evo_nas.training.ledger import Ledger
from tests.kit.plugins import Score, Tiny
from tests.kit.runs import BUDGET, FLAT, SMALL, SPACE, outcome, run, stopped, told

TINY = Tiny(blocks=4)
SEARCHING = ["hierarchical", *(name for name in FLAT if name not in ("random", "largest"))]


def legal() -> list[Genome]:
    """Some networks within the budget."""
    rng, found = np.random.default_rng(0), dict[Genome, None]()
    sizes = [len(choice.options) for choice in TINY.choices]
    while len(found) < 12:
        genome = TINY.canonical([int(gene) for gene in rng.integers(sizes)])
        if 250 <= TINY.costs(genome)["flops"] <= 400:
            found[genome] = None
    return list(found)


GENOMES = legal()


def begun(result: Result, stage: str = "stage1") -> list[tuple[Genome, str]]:
    """What a stage's first generation has from the user."""
    first = [e for e in result.of(stage, "search") if e.generation == 0]
    return [(e.genome, e.origin) for e in first if e.origin in ("given", "imported")]


def table(path: Path, rows: Mapping[Genome, str], header: str = "accuracy") -> Path:
    """A CSV of networks and what is in the column of a metric."""
    names = [choice.name for choice in TINY.choices]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*names, header])
        for genome, score in rows.items():
            options = TINY.options(genome)
            writer.writerow([*(options.get(name, "") for name in names), score])
    return path


@pytest.mark.parametrize("strategy", ["spos", FLAT[-1], FLAT[-2]])
def test_what_is_given_comes_first_once_and_within_the_samples(
    strategy: str, tmp_path: Path
) -> None:
    given = [GENOMES[2], TINY.options(GENOMES[0]), list(GENOMES[2]), GENOMES[1]]
    result = run(tmp_path / "run", start=given, strategy=strategy)
    assert begun(result) == [(GENOMES[i], "given") for i in (2, 0, 1)]
    genomes = [e.genome for e in result.of("stage1", "search")]
    assert genomes[:3] == [GENOMES[2], GENOMES[0], GENOMES[1]]
    assert len(genomes) == len(set(genomes)) == 24


def test_it_is_projected_to_what_a_stage_decides(tmp_path: Path) -> None:
    result = run(tmp_path / "run", start=GENOMES[:2])
    kinds = {genome[::3] for genome, _ in begun(result)}
    assert kinds == {genome[::3] for genome in GENOMES[:2]}  # the first stage decides kinds
    decided = result.of("stage2", "search")[0].genome
    projected = [
        TINY.canonical(
            [d if i % 3 == 0 else g for i, (g, d) in enumerate(zip(genome, decided, strict=True))]
        )
        for genome in GENOMES[:2]
    ]
    found = [genome for genome, _ in begun(result, "stage2")]
    assert found
    assert set(found) <= set(projected)  # where that is within the budget


def test_known_scores_cost_nothing_and_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, evaluate = [], Score.evaluate

    def ask(evaluator: Score, genome: Genome) -> Mapping[str, float]:
        if type(evaluator) is Score:
            asked.append(genome)
        return evaluate(evaluator, genome)

    monkeypatch.setattr(Score, "evaluate", ask)
    rows = {GENOMES[0]: "0.9", GENOMES[1]: "", GENOMES[2]: "0.125"}
    path = table(tmp_path / "known.csv", rows)
    result = run(tmp_path / "run", start=path, strategy="spos", jobs=1)
    assert begun(result) == [
        (GENOMES[0], "imported"), (GENOMES[1], "given"), (GENOMES[2], "imported")
    ]  # fmt: skip
    first = result.of("stage1", "search")[0]
    assert (first.metrics, first.seconds, first.images) == ({"accuracy": 0.9}, 0.0, Ledger())
    assert len(result.of("stage1", "search")) == 24
    assert len(asked) == 22
    assert GENOMES[0] in {e.genome for e in result.of("stage1", "finalists")}
    assert set(result.frame()["origin"]) >= {"given", "imported"}
    said = "networks: 1 given, 2 with scores that were known"
    assert said in CliRunner().invoke(app, ["show", str(result.folder)]).stdout
    assert said in (result.folder / "report.html").read_text()
    path.unlink()  # a run needs nothing but its folder
    assert api.resume(result.folder, samples=30).config.settings.samples == 30


def test_a_score_is_of_that_very_network(tmp_path: Path) -> None:
    result = run(tmp_path / "run", start=table(tmp_path / "known.csv", {GENOMES[0]: "0.9"}))
    # In the first stage, sizes are at the space's details: that is another network.
    assert not begun(result)


def test_a_table_of_another_run_is_read(tmp_path: Path) -> None:
    earlier = run(tmp_path / "earlier", strategy="random_search", samples=8)
    frame = earlier.frame()
    frame[frame["phase"] == "search"].to_csv(tmp_path / "earlier.csv")
    result = run(tmp_path / "run", start=[tmp_path / "earlier.csv"], strategy="spos")
    before = earlier.of("stage1", "search")
    assert begun(result) == [(e.genome, "imported") for e in before]
    assert [dict(e.metrics) for e in result.of("stage1", "search")[:8]] == [
        dict(e.metrics) for e in before
    ]


def test_more_than_a_population_are_one_generation(tmp_path: Path) -> None:
    result = run(tmp_path / "run", start=GENOMES, strategy=FLAT[-1])
    assert [genome for genome, _ in begun(result)] == GENOMES
    assert len([e for e in result.of("stage1", "search") if e.generation == 0]) == len(GENOMES)


def test_networks_are_named_in_many_ways(tmp_path: Path) -> None:
    earlier = run(tmp_path / "earlier", strategy="spos", samples=8)
    (tmp_path / "some.json").write_text(json.dumps([list(GENOMES[0]), TINY.options(GENOMES[1])]))
    best = tmp_path / "best.json"
    shutil.copy(earlier.folder / "best.json", best)
    ways = [earlier, earlier.folder, best, earlier.architecture, f"{earlier.folder}/best.json"]
    for way in ways:
        (given,) = api.prepare(SPACE, BUDGET, **SMALL, start=way).given
        assert given.genome == earlier.architecture.genome
    several = api.prepare(SPACE, BUDGET, **SMALL, start=[tmp_path / "some.json", best]).given
    assert [one.genome for one in several[:2]] == GENOMES[:2]
    scored = {"genome": list(GENOMES[0]), "metrics": {"accuracy": 0.5, "loss": 2}}
    (given,) = api.prepare(SPACE, BUDGET, **SMALL, start=scored).given
    assert given.metrics == {"accuracy": 0.5, "loss": 2.0}
    prepared = api.prepare(SPACE, BUDGET, **SMALL, start=json.dumps(scored))
    assert prepared.given[0].metrics == given.metrics
    assert plan_view(prepared)
    for nothing in ([], (), None):
        assert api.prepare(SPACE, BUDGET, **SMALL, start=nothing).given == ()


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("nowhere.json", "there is no architecture file 'nowhere.json'"),
        ("nowhere.csv", "nowhere.csv"),
        ([[0, 1]], "has 12 genes, this one 2"),
        ([(9,) * 12], "has options 0 to"),
        ([{"block0.kin": "a"}], "is no genome|has no choice 'block0.kin'"),
        ([{"block0.kind": "a"}], "is active and has no option"),
        ("glit_tiny", "is of the space"),
        ([(1, 2, 1) * 4], r"breaks the limit 250<=flops<=400: it has \d+ FLOPs"),
        ({"genome": [0] * 12, "metrics": {"loss": 1.0}}, "has loss and no accuracy, by which"),
        ({"genome": [0] * 12, "metrics": {"accuracy": True}}, "are no metrics by name"),
        ([object()], "give paths, genomes, choices by name or architectures"),
        ("[1, 2", "start"),
    ],
)
def test_what_cannot_be_begun_with_is_refused_by_name(start: Any, said: str) -> None:
    with pytest.raises(EvoNasError, match=said) as refusal:
        api.prepare(SPACE, BUDGET, **SMALL, start=start)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("accuracy", "loss"), "has the column 'loss' and none for 'accuracy', by which"),
        (("accuracy", "accuracy:min"), "has accuracy:min, and the evaluator wants max"),
        (("block1.kind", "block1.kid"), "has no column for the choice 'block1.kind'"),
        (("0.25", "good"), "line 3: accuracy is 'good', no finite number"),
        (("0.25", "inf"), "line 3: accuracy is 'inf', no finite number"),
        (("b,", "z,"), "choice block.* has no option 'z'"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_by_line(
    change: tuple[str, str], said: str, tmp_path: Path
) -> None:
    path = table(tmp_path / "known.csv", {GENOMES[0]: "0.5", GENOMES[1]: "0.25"})
    assert len(api.prepare(SPACE, BUDGET, **SMALL, start=path).given) == 2
    text = path.read_text()
    assert change[0] in text
    path.write_text(text.replace(*change))
    with pytest.raises(SettingsError, match=said):
        api.prepare(SPACE, BUDGET, **SMALL, start=path)


def test_one_network_has_one_score(tmp_path: Path) -> None:
    table(tmp_path / "a.csv", {GENOMES[0]: "0.5"}, "accuracy:max")
    table(tmp_path / "b.csv", {GENOMES[0]: "0.75"})
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    with pytest.raises(SettingsError, match="are one network with two scores"):
        api.prepare(SPACE, BUDGET, **SMALL, start=paths)
    (given,) = api.prepare(SPACE, BUDGET, **SMALL, start=[GENOMES[0], paths[0], paths[0]]).given
    assert given.metrics == {"accuracy": 0.5}


def test_who_cannot_begin_with_anything_says_so() -> None:
    with pytest.raises(SettingsError, match="strategy random scores no candidate"):
        api.prepare(SPACE, BUDGET, **SMALL, start=GENOMES[0], strategy="random")
    with pytest.raises(SettingsError, match="start has 12 networks, and a stage scores 5"):
        api.prepare(SPACE, BUDGET, **{**SMALL, "samples": 5}, start=GENOMES)
    with pytest.raises(SettingsError, match="a comparison begins from nothing"):
        evo_nas.compare("spos", space=SPACE, flops=BUDGET, start=GENOMES[0], **SMALL)


class Own(Spos):
    """A strategy that fills its generations itself."""

    def ask(self, rng: np.random.Generator) -> list[Proposal]:
        try:
            return [Proposal(self.sampler.fresh(rng)[0], "random")]
        except Exhausted:
            return []

    def tell(self, scored: list[Scored]) -> None:  # type: ignore[override]
        pass


def test_a_strategy_that_leaves_it_out_is_told(tmp_path: Path) -> None:
    with pytest.raises(EvoNasError, match=r"ask\(\) leaves out what a user has given"):
        run(tmp_path / "run", start=GENOMES[0], strategy=f"{__name__}:Own")


@pytest.mark.slow
@pytest.mark.parametrize("strategy", SEARCHING)
def test_a_stopped_run_begins_the_same(strategy: str, tmp_path: Path) -> None:
    path = table(tmp_path / "known.csv", {GENOMES[0]: "0.9", GENOMES[1]: ""})
    given = {"start": [path, GENOMES[2]], "strategy": strategy}
    whole = run(tmp_path / "whole", **given)
    stops = [*range(4), *range(4, len(whole.evaluations), 9)]  # what is given comes first
    for number in stops:
        folder = tmp_path / f"{number}"
        stopped(number, run, folder, **given)
        assert outcome(api.resume(folder)) == outcome(whole)
    run(tmp_path / "longer", **given)
    longer = api.resume(tmp_path / "longer", samples=40)
    kept = [row for row in told(longer) if not str(row[1]).startswith("earlier")]
    assert kept == told(run(tmp_path / "long", samples=40, **given))
