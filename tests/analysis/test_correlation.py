"""Trust reports of small runs, with evaluators that do not train."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import evo_nas
from evo_nas.analysis.correlation import spread, trust
from evo_nas.errors import EvaluatorError, RunError, SettingsError
from evo_nas.results.result import Result, load_result
from evo_nas.results.trust_report import Trust
from tests.kit.command import command_line
from tests.kit.recorder import Recorder
from tests.kit.runs import SMALL, SPACE, Interruption, outcome

BUDGET = "1K"
NOISY = "tests.kit.plugins:Noisy"


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evo_nas.results.statistics._RESAMPLES", 200)


def run(folder: Path, **changes: Any) -> Result:
    options = {**SMALL, "samples": 40, **changes}
    return evo_nas.run(SPACE, BUDGET, run_dir=folder, **options)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A run whose scores are right, for reports that only look at it."""
    return run(tmp_path_factory.mktemp("runs") / "run")


def seen(found: Trust) -> tuple[object, ...]:
    """All that must not depend on interruptions and repetitions."""
    return (
        [e.genome for e in found.networks],
        [[(e.genome, e.metrics) for e in repeat] for repeat in found.truths],
        found.agreements,
    )


@pytest.mark.parametrize("size", [16, 160, 1600])
@pytest.mark.parametrize("offset", [0.0, 0.3, 0.999])
def test_sixteen_places_are_one_in_each_sixteenth(size: int, offset: float) -> None:
    assert sorted(place * 16 // size for place in spread(size, 16, offset)) == list(range(16))


def test_more_places_keep_those_before_them() -> None:
    assert spread(100, 30, 0.7)[:16] == spread(100, 16, 0.7)
    assert sorted(spread(17, 17, 0.2)) == list(range(17))


def test_a_score_that_is_right_is_trusted(plain: Result) -> None:
    found = trust(plain.folder, stage="stage2")
    assert found.agreements[0].name == "search accuracy"
    assert found.agreements[0].tau.value == 1
    assert found.agreements[0].tau.excludes_zero
    assert found.means == [e.metrics["accuracy"] for e in found.networks]


def test_a_score_of_noise_alone_is_not(tmp_path: Path) -> None:
    run(tmp_path / "run", evaluator=f"{NOISY}?noise=1000")
    assert not trust(tmp_path / "run").agreements[0].tau.excludes_zero


def test_the_whole_range_of_scores_is_sampled(plain: Result) -> None:
    searched = {e.genome: e.metrics["accuracy"] for e in plain.of("stage1", "search")}
    scores = sorted(searched.values())
    found = trust(plain.folder, stage="stage1", genomes=8)
    sampled = sorted(e.metrics["accuracy"] for e in found.networks)
    assert len(sampled) == len({e.genome for e in found.networks}) == 8
    assert sampled[0] <= scores[len(scores) // 8]
    assert sampled[-1] >= scores[-1 - len(scores) // 8]
    assert sampled[3] <= scores[len(scores) // 2] <= sampled[4]


def test_a_score_to_be_minimised_agrees_with_one_to_be_maximised(tmp_path: Path) -> None:
    run(tmp_path / "run", evaluator="tests.kit.plugins:Seconds")
    (score, *_) = trust(tmp_path / "run").agreements
    assert (score.name, score.tau.value) == ("search seconds", 1)
    run(tmp_path / "other", evaluator="tests.kit.plugins:Score")
    (score, *_) = trust(tmp_path / "other", against="tests.kit.plugins:Seconds").agreements
    assert score.tau.value == 1


def test_baselines_cover_costs_and_choices(plain: Result) -> None:
    found = trust(plain.folder, stage="stage1")
    names = {each.name.partition(" ")[2] for each in found.agreements} | set(found.constant)
    assert names == {"accuracy", "FLOPs", "parameters", "size in all", "depth in all"}
    assert all(each.ahead is not None for each in found.agreements[1:])


def test_repeats_are_other_trainings_and_the_noise_of_both_is_told(tmp_path: Path) -> None:
    run(tmp_path / "run", evaluator=f"{NOISY}?noise=0.05")
    found = trust(tmp_path / "run", against=f"{NOISY}?noise=0.02", repeats=3)
    assert found.noise is not None
    # One repeat is the mean of two halves, so its deviation is that of a half by the root of two.
    assert found.noise.deviation == pytest.approx(0.02 / 2**0.5, rel=0.5)
    assert found.error == pytest.approx(0.05 / 2**0.5, rel=0.5)
    assert len({tuple(e.metrics["accuracy"] for e in repeat) for repeat in found.truths}) == 3


def test_nothing_of_the_run_changes(tmp_path: Path) -> None:
    before = outcome(run(tmp_path / "run"))
    files = {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir() if p.is_file()}
    found = trust(tmp_path / "run", repeats=2)
    after = load_result(tmp_path / "run")
    assert outcome(after) == before
    assert after.stages == ("stage1", "stage2")
    for name in ("config.toml", "best.json", "best.safetensors"):
        assert (tmp_path / "run" / name).read_bytes() == files[name]
    new = {p.name for p in (tmp_path / "run").iterdir()} - files.keys()
    assert {found.file.name, found.picture.name, "trust.sqlite"} <= new


def test_a_second_report_is_only_read_and_a_larger_one_adds_to_it(
    tmp_path: Path, recorder: Recorder
) -> None:
    run(tmp_path / "run")
    recorder.restart()
    small = trust(tmp_path / "run", genomes=8)
    assert recorder.count == 8
    assert seen(trust(tmp_path / "run", genomes=8)) == seen(small)
    assert recorder.count == 8
    large = trust(tmp_path / "run", genomes=12)
    assert recorder.count == 12
    assert large.networks[:8] == small.networks


def test_a_stopped_report_goes_on_to_the_same_end(tmp_path: Path, recorder: Recorder) -> None:
    run(tmp_path / "run", retrainer=NOISY)
    run(tmp_path / "other", retrainer=NOISY)
    whole = trust(tmp_path / "other", repeats=2)
    recorder.restart(5)
    with pytest.raises(Interruption):
        trust(tmp_path / "run", repeats=2)
    recorder.restart()
    assert seen(trust(tmp_path / "run", repeats=2)) == seen(whole)
    assert recorder.count == 2 * 16 - 5


def test_epochs_and_evaluators_are_kept_apart(tmp_path: Path, recorder: Recorder) -> None:
    run(tmp_path / "run", retrainer=NOISY)
    recorder.restart()
    kinds: list[dict[str, Any]] = [{}, {"epochs": 7}, {"against": f"{NOISY}?noise=0.3"}]
    reports = [trust(tmp_path / "run", genomes=4, **kind) for kind in kinds]
    assert recorder.count == 12
    assert len({report.file for report in reports}) == 3
    assert reports[1].epochs == 7


def test_the_document_and_the_picture_hold_every_network(tmp_path: Path) -> None:
    run(tmp_path / "run", evaluator=NOISY)
    found = trust(tmp_path / "run", repeats=2)
    document = json.loads(found.file.read_text())
    assert [len(network["against"]) for network in document["networks"]] == [2] * 16
    assert document["agreements"][0]["kendall"]["value"] == found.agreements[0].tau.value
    assert document["repeat_noise"]["deviation"] == 0  # Keep has none
    drawn = ElementTree.parse(found.picture).iter()
    assert len([e for e in drawn if e.tag.endswith("circle") or "transform" in e.attrib]) >= 16


def test_a_run_may_have_fewer_candidates_than_asked_for(tmp_path: Path) -> None:
    result = run(tmp_path / "run", samples=6, finalists=2)
    assert len(trust(tmp_path / "run").networks) == len(result.of("stage2", "search")) == 6
    run(tmp_path / "less", samples=3, population=3, finalists=2)
    with pytest.raises(RunError, match="has only 3 scored candidates"):
        trust(tmp_path / "less")


def test_a_search_has_to_be_over(tmp_path: Path, recorder: Recorder) -> None:
    recorder.restart(40 + 3 + 20)
    with pytest.raises(Interruption):
        run(tmp_path / "run")
    recorder.restart()
    assert trust(tmp_path / "run").stage == "stage1"
    with pytest.raises(RunError, match=r"stage2 is not over.*evo-nas resume"):
        trust(tmp_path / "run", stage="stage2")
    recorder.restart(20 + 1)  # the rest of stage2, and one of its finalists
    with pytest.raises(Interruption):
        evo_nas.resume(tmp_path / "run")
    recorder.restart()
    assert trust(tmp_path / "run").stage == "stage2"


def test_networks_that_no_score_chose_have_no_score_to_trust(tmp_path: Path) -> None:
    run(tmp_path / "run", strategy="random")
    with pytest.raises(RunError, match=r"stage1 of .* scored nothing before retraining"):
        trust(tmp_path / "run")


def test_an_evaluator_that_needs_images_is_refused_where_there_are_none(tmp_path: Path) -> None:
    lookup = "tests.kit.plugins:Lookup"
    run(tmp_path / "run", evaluator=lookup, retrainer=lookup, data=None)
    assert trust(tmp_path / "run").agreements[0].tau.value == 1
    with pytest.raises(SettingsError, match="no images, which evaluator train needs"):
        trust(tmp_path / "run", against="train")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"genomes": 3}, "genomes is 3"),
        ({"repeats": 0}, "repeats is 0"),
        ({"epochs": 0}, "epochs is 0"),
        ({"jobs": 0}, "jobs is 0"),
        ({"stage": "stage3"}, "no stage 'stage3'; did you mean stage2 or stage1"),
    ],
)
def test_bad_arguments_are_named(plain: Result, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        trust(plain.folder, **changes)


def test_the_command_shows_table_chart_and_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path / "run", evaluator=f"{NOISY}?noise=0.2")
    monkeypatch.chdir(tmp_path)
    assert command_line("trust", "run", "--quiet", "--repeats", "2") == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert max(map(len, shown.out.splitlines())) <= 80
    for expected in ("search accuracy", "Kendall's tau", "in the search", "it has no repeat noise",
                     "Other validation images", "trust-stage2"):  # fmt: skip
        assert expected in shown.out
    assert command_line("trust", "run", "--json", "--genomes", "5") == 0
    assert len(json.loads(capsys.readouterr().out)["networks"]) == 5


def test_the_command_says_how_to_go_on_after_control_c(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path / "run")
    monkeypatch.chdir(tmp_path)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tests.kit.plugins.Keep.evaluate", stop)
    assert command_line("trust", "run", "--genomes", "5") == 130
    assert "go on with: evo-nas trust run --genomes 5" in capsys.readouterr().err
    assert command_line("trust", "nothing") == 2
    assert "there is no run folder nothing" in capsys.readouterr().err


@pytest.mark.slow
def test_a_real_supernet_against_real_training(tmp_path: Path) -> None:
    data = "digits?train=200&validation=100&test=50"
    evo_nas.run(run_dir=tmp_path / "run", data=data, samples=8, population=8, finalists=1,
                epochs=1, finalist_epochs=1, jobs=1)  # fmt: skip
    found = trust(tmp_path / "run", stage="stage1", genomes=6, repeats=2)
    assert [each.name for each in found.agreements[:2]] == ["search loss", "search accuracy"]
    assert found.noise is not None
    assert found.noise.deviation > 0
    assert found.error is not None
    weights = {
        path: path.stat().st_mtime_ns
        for path in (tmp_path / "run" / "checkpoints" / "stage1").glob("trust-*/*.safetensors")
    }
    assert len(weights) == 12
    (tmp_path / "run" / "trust.sqlite").unlink()
    assert seen(trust(tmp_path / "run", stage="stage1", genomes=6, repeats=2)) == seen(found)
    assert {path: path.stat().st_mtime_ns for path in weights} == weights
    other = trust(tmp_path / "run", stage="stage1", genomes=6, against="supernet")
    assert other.means != [e.metrics["accuracy"] for e in other.networks]  # from another seed


def test_failures_of_either_evaluator_are_left_out_and_tried_again(tmp_path: Path) -> None:
    run(tmp_path / "run", evaluator="tests.kit.plugins:Faulty")

    def against(every: int) -> Trust:
        return trust(
            tmp_path / "run", against=f"tests.kit.plugins:Faulty?every={every}", genomes=12
        )

    found = against(4)
    assert all(sum(e.genome) % 5 and sum(e.genome) % 4 for e in found.networks)
    assert found.failed > 0
    assert len(found.networks) + found.failed == 12
    assert found.agreements[0].tau.value == 1
    assert json.loads(found.file.read_text())["failed"] == found.failed
    assert seen(against(4)) == seen(found)
    with pytest.raises(EvaluatorError, match=r"10 of 10 .* give the same command again"):
        against(1)
