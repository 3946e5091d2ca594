"""Pools of small networks, which evaluators that do not train stand for."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from evo_nas.analysis.judgement import judge
from evo_nas.errors import EvoNasError, RunError, SettingsError
from evo_nas.evaluation.zero_cost.features import Truth
from evo_nas.results.judgement import Judgement
from tests.kit.command import command_line
from tests.kit.plugins import Tiny
from tests.kit.recorder import Recorder
from tests.kit.runs import SMALL, SPACE, Interruption

NOISY = "tests.kit.plugins:Noisy"
SCORE = "tests.kit.plugins:Score"
OPTIONS: dict[str, Any] = {
    "space": SPACE, "flops": "1K", "data": SMALL["data"], "against": f"{NOISY}?noise=0.01"
}  # fmt: skip


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evo_nas.results.statistics._RESAMPLES", 20)


def pool(folder: Path, **changes: Any) -> Judgement:
    return judge(folder, **{**OPTIONS, "genomes": 12, "seeds": 2, **changes})


def taus(found: Judgement) -> dict[str, float]:
    return {each.name: each.kendall.value for each in (*found.scores, *found.baselines)}


def test_a_score_that_is_right_agrees_and_one_of_noise_does_not(tmp_path: Path) -> None:
    found = pool(tmp_path / "pool", genomes=30, scores=[SCORE, f"{NOISY}?noise=1000"])
    right, wrong = found.scores
    assert right.kendall.value > 0.9
    assert not wrong.kendall.excludes_zero
    assert found.repeats is not None
    assert found.repeats.kendall.value > 0.9
    assert found.between is not None
    assert found.noise is not None
    assert found.between > found.noise.deviation > 0
    assert len(found.bands) == 3
    assert sum(band.networks for band in found.bands) == 30


def test_a_pool_is_trained_once_whatever_it_is_asked_for(
    tmp_path: Path, recorder: Recorder
) -> None:
    first = pool(tmp_path / "pool")
    assert recorder.count == 24
    again = judge(tmp_path / "pool")
    assert recorder.count == 24
    assert (again.truths, again.repeats) == (first.truths, first.repeats)
    judge(tmp_path / "pool", scores=[SCORE])
    assert recorder.count == 24 + 12
    judge(tmp_path / "pool", scores=[SCORE])
    assert recorder.count == 24 + 12


def test_a_pool_grows_by_networks_and_by_seeds(tmp_path: Path, recorder: Recorder) -> None:
    small = pool(tmp_path / "pool", scores=[SCORE])
    recorder.count = 0
    large = judge(tmp_path / "pool", genomes=16, seeds=3)
    assert recorder.count == 2 * 4 + 16
    assert [e.genome for e in large.networks[:12]] == [e.genome for e in small.networks]
    assert [truth[:12] for truth in large.truths[:2]] == list(small.truths)
    assert len({truth[0] for truth in large.truths}) == 3
    assert [(e.name, e.networks) for e in large.scores] == [("accuracy", 12)]  # what was said then
    assert [e.networks for e in judge(tmp_path / "pool", scores=[SCORE]).scores] == [16]
    assert len(judge(tmp_path / "pool", genomes=4).networks) == 16  # it does not shrink


@pytest.mark.slow
def test_a_stopped_pool_goes_on_to_the_same_end_without_a_word(
    tmp_path: Path, recorder: Recorder
) -> None:
    whole = pool(tmp_path / "whole")
    recorder.count, recorder.limit = 0, 15
    with pytest.raises(Interruption):
        pool(tmp_path / "pool")
    recorder.limit = -1
    found = judge(tmp_path / "pool")
    assert recorder.count == 24
    assert (found.truths, found.scores, found.baselines) == (
        whole.truths, whole.scores, whole.baselines
    )  # fmt: skip


@pytest.mark.slow
def test_networks_lie_within_the_limits_and_those_by_name_are_included(tmp_path: Path) -> None:
    space = Tiny(blocks=4)
    genome = list(space.canonical([len(c.options) - 1 for c in space.choices]))
    large = tmp_path / "large.json"
    large.write_text(json.dumps({"space": SPACE, "genome": genome}))
    found = pool(tmp_path / "pool", flops="250..400", include=[str(large)])
    *drawn, named = found.networks
    assert all(250 <= e.flops <= 400 for e in drawn)
    assert (named.genome, named.origin) == (tuple(genome), str(large))
    assert len(judge(tmp_path / "pool", include=[str(large)]).networks) == 13


@pytest.mark.slow
def test_a_level_of_a_hierarchical_search_is_a_pool(tmp_path: Path) -> None:
    space = Tiny(blocks=4)
    first = pool(tmp_path / "first", strategy="hierarchical", genomes=6)
    decided = first.networks[0].genome
    (tmp_path / "first.json").write_text(json.dumps({"space": SPACE, "genome": list(decided)}))
    details = [i for i, choice in enumerate(space.choices) if choice.level == 1]
    made = [space.options(e.genome) for e in first.networks]
    for name in (space.choices[i].name for i in details):
        assert len({options[name] for options in made if options.get(name) is not None}) <= 1
    second = pool(tmp_path / "second", strategy="hierarchical", stage="stage2", genomes=6,
                  around=str(tmp_path / "first.json"))  # fmt: skip
    kinds = [i for i in range(len(space.choices)) if i not in details]
    assert {tuple(e.genome[i] for i in kinds) for e in second.networks} == {
        tuple(decided[i] for i in kinds)
    }
    with pytest.raises(SettingsError, match="depends on what earlier stages decide"):
        pool(tmp_path / "third", strategy="hierarchical", stage="stage2")
    assert not (tmp_path / "third").exists()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pools") / "pool"
    pool(folder, genomes=4, seeds=1)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"space": "tests.kit.plugins:Tiny?blocks=3"}, "is a pool of space .*blocks=4, not .*=3"),
        ({"flops": "2K"}, "is a pool of flops 1K, not 2K; leave it out"),
        ({"data": "digits?train=80&validation=50&test=50"}, "is a pool of data"),
        ({"geometry": "proxy,width=7"}, "is a pool of geometry"),
        ({"seed": 3}, "is a pool of seed 0, not 3"),
        ({"against": SCORE}, "is a pool of evaluator"),
        ({"epochs": 77}, "were trained by another recipe"),
        ({"recipe": "paper"}, "were trained by another recipe"),
        ({"stage": "stage2"}, "is a pool of stage1, not stage2"),
        ({"include": ["deit_tiny"]}, "is of the space glit_hl, the pool of"),
        ({"genomes": 0}, "genomes is 0"),
        ({"bands": 0}, "bands is 0"),
        ({"samples": 3}, "a pool has no option 'samples'"),
        ({"scores": ["no_such"]}, "no_such"),
    ],
)
def test_what_a_pool_is_not_of_is_refused_in_one_line(
    made: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(EvoNasError, match=said) as refused:
        judge(made, **changes)
    assert "\n" not in str(refused.value)


@pytest.mark.slow
def test_a_pool_of_other_code_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "from tests.kit.plugins import Score\n\n\nclass Own(Score):\n    pass\n"
    )
    spec = f"{tmp_path}/own.py:Own"
    pool(tmp_path / "pool", genomes=4, against=spec)
    with (tmp_path / "own.py").open("a") as file:
        file.write("# another version\n")
    with pytest.raises(RunError, match="is not what it was when"):
        judge(tmp_path / "pool")


@pytest.mark.slow
def test_a_score_of_other_code_is_asked_anew(tmp_path: Path, recorder: Recorder) -> None:
    (tmp_path / "own.py").write_text(
        "from tests.kit.plugins import Score\n\n\nclass Own(Score):\n    pass\n"
    )
    pool(tmp_path / "pool", genomes=4, seeds=1, scores=[f"{tmp_path}/own.py:Own"])
    with (tmp_path / "own.py").open("a") as file:
        file.write("# another version\n")
    recorder.count = 0
    judge(tmp_path / "pool", scores=[f"{tmp_path}/own.py:Own"])
    assert recorder.count == 4


def test_a_pool_is_no_run_and_a_run_no_pool(made: Path, tmp_path: Path) -> None:
    assert command_line("show", str(made)) == command_line("resume", str(made)) == 2
    (tmp_path / "run").mkdir()
    with pytest.raises(RunError, match="is no pool"):
        judge(tmp_path / "run")


@pytest.mark.slow
def test_the_truth_teaches_a_score_and_a_ridge_is_a_baseline(tmp_path: Path) -> None:
    pool(tmp_path / "pool", genomes=24, seeds=1)
    truth = tmp_path / "pool" / "truth.json"
    assert len(Truth.read(truth, Tiny(blocks=4)).networks) == 24
    spec = f"zero_cost?scores=features&trained={truth}&reference=20"
    found = taus(judge(tmp_path / "pool", scores=[spec]))
    assert found["ridge over choices, held out"] == found["features"] > 0.4


@pytest.mark.slow
def test_networks_that_fail_are_left_out_and_told(tmp_path: Path) -> None:
    found = pool(tmp_path / "pool", against="tests.kit.plugins:Faulty?every=4", data=None)
    assert found.failed > 0
    assert len(found.networks) + found.failed == 12
    assert all(sum(e.genome) % 4 for e in found.networks)


@pytest.mark.slow
def test_the_command_tells_whether_the_pool_is_to_be_trusted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    start = ["trust", "--pool", "pool", "--quiet"]
    options = ["--space", SPACE, "--flops", "1K", "--data", SMALL["data"]]
    noise = ["--against", f"{NOISY}?noise=1000", "--genomes", "12", "--seeds", "2"]
    assert command_line(*start, *options, *noise, "--score", SCORE, "--bands", "2") == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    for expected in ("another training", "within bands of FLOPs", "cannot tell networks apart",
                     "Kendall's tau by FLOPs", "Not distinguishable from chance"):  # fmt: skip
        assert expected in " ".join(shown.split())
    assert command_line(*start, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads((tmp_path / "pool" / "pool.json").read_text())
    assert len(document["networks"]) == 12
    assert len(document["networks"][0]["truth"]) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name a run, or a pool by --pool FOLDER"),
        (["run", "--pool", "pool"], "name a run, or a pool"),
        (["run", "--score", "supernet"], "--score is for a --pool"),
        (["run", "--limit", "params<=6M"], "--limit is for a --pool"),
    ],
)
def test_what_is_for_a_pool_is_not_for_a_run(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line("trust", *arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.slow
def test_a_recipe_that_trains_networks_alike_may_train_other_shared_weights(
    tmp_path: Path, recorder: Recorder
) -> None:
    text = (resources.files("evo_nas.training.recipes") / "quick.toml").read_text()
    own_text = text.replace('sharing = "entangled"', 'sharing = "separate"')
    (tmp_path / "own.toml").write_text(own_text)
    pool(tmp_path / "pool", genomes=6, scores=[SCORE])
    recorder.count = 0
    for changes in ({"recipe": str(tmp_path / "own.toml")}, {"score_epochs": 3}):
        found = judge(tmp_path / "pool", scores=[SCORE], **changes)
    assert recorder.count == 2 * 6
    plain, own, longer = (each.evaluator for each in found.scores)
    assert own.startswith(f"{plain} (own, ")
    assert longer == f"{plain} (quick, 6 epochs)"
