import errno
import fcntl
import math
import multiprocessing
import os
import time
from pathlib import Path
from typing import Any

import pytest

from evo_nas.api import prepare
from evo_nas.errors import EvoNasError, RunError
from evo_nas.search import run_folder
from evo_nas.search.config import Config
from evo_nas.search.store import lock as lock_of_folder
from evo_nas.search.store.file_system import FileSystem
from tests.kit.plugins import Tiny

PLUGINS = Path(__file__).parents[1] / "kit" / "plugins.py"
TINY = "tests.kit.plugins:Tiny"


@pytest.fixture
def config() -> Config:
    return prepare(
        TINY,
        "1K",
        evaluator="tests.kit.plugins:Score",
        retrainer="tests.kit.plugins:Keep",
        recipe="deit",
    ).config


def test_a_config_written_and_read_is_the_same(tmp_path: Path, config: Config) -> None:
    path = tmp_path / "config.toml"
    path.write_text(config.to_toml())
    assert Config.read(path) == config
    assert Config.read(path).recipe.supernet.augmentation.crop_scale == 0.08
    path.write_text(path.read_text().replace("crop_scale = 0.08", "crop_scale = 'small'"))
    with pytest.raises(RunError, match="crop_scale = 'small' must be of type float"):
        Config.read(path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("seed = 0", 'seed = "zero"', "seed = 'zero' must be of type int"),
        ("seed = 0", "sead = 0", "did you mean seed"),
        ("[settings]", "[setting]", "unknown key setting; did you mean settings"),
        ("population = 50", "population = 0", "population is 0"),
        ("seed = 0", "seed = ", "no valid TOML"),
    ],
)
def test_a_config_that_was_edited_wrongly_is_explained(
    tmp_path: Path, config: Config, old: str, new: str, said: str
) -> None:
    path = tmp_path / "config.toml"
    text = config.to_toml()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(ValueError, match=said):
        Config.read(path)


def test_creating_is_all_or_nothing(tmp_path: Path, config: Config) -> None:
    folder = tmp_path / "runs" / "one"
    run_folder.create(folder, config, Tiny(), {"data": "x"})
    assert sorted(p.name for p in folder.iterdir()) == ["config.toml", "run.sqlite"]
    with pytest.raises(RunError, match="exists"):
        run_folder.create(folder, config, Tiny(), {})
    with pytest.raises(TypeError):
        run_folder.create(tmp_path / "two", config, Tiny(), {"no JSON": object()})
    assert [p.name for p in tmp_path.iterdir()] == ["runs"]


def test_what_killed_processes_have_left_beside_it_is_removed(
    tmp_path: Path, config: Config
) -> None:
    at_work, *left = (tmp_path / f".one.{number}.part" for number in (77, 78, 79))
    others = tmp_path / ".one.mine.part"
    for folder in (at_work, others, *left):
        folder.mkdir()
        (folder / "config.toml").touch()
    lock = os.open(at_work, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)  # as a process that makes the same folder just now
    run_folder.create(tmp_path / "one", config, Tiny(), {})
    assert set(tmp_path.iterdir()) == {at_work, others, tmp_path / "one"}
    os.close(lock)
    with run_folder.locked(tmp_path / "one"):
        assert set(tmp_path.iterdir()) == {others, tmp_path / "one"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_place_is_named(tmp_path: Path, config: Config) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(RunError, match="cannot be made"):
        run_folder.create(tmp_path / "run", config, Tiny(), {})


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EWOULDBLOCK, "run is in use by another process"),
        (errno.EACCES, "run is in use by another process"),
        (errno.ENOLCK, r"run\.lock cannot be locked \(No locks available\): its file system"),
        (errno.EOPNOTSUPP, "use a folder on another one, such as a local disk"),
    ],
)
def test_a_file_system_without_locks_is_no_other_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    def flock(_file: object, _operation: int) -> None:
        raise OSError(number, os.strerror(number))

    (tmp_path / "run").mkdir()
    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(RunError, match=said), run_folder.held(tmp_path / "run"):
        pass


@pytest.mark.parametrize("options", ["local_lock=all", "local_lock=none"])
def test_what_another_machine_may_be_at_work_on_is_refused_where_locks_do_not_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str
) -> None:
    run, lock = tmp_path / "run", tmp_path / "run" / "run.lock"
    run.mkdir()
    place = FileSystem("nfs", frozenset({options}))
    monkeypatch.setattr(lock_of_folder, "file_system_of", lambda _path: place)
    with run_folder.held(run):  # nobody was there
        ours = lock.read_text()
    with run_folder.held(run):  # we have left it in peace
        pass
    lock.write_text(ours)  # we were killed
    with run_folder.held(run):
        pass
    lock.write_text('{"host": "another", "pid": 7}')
    if options == "local_lock=none":
        with run_folder.held(run):
            return
    said = (
        "run was left by process 7 on another, which may be at work: locks on nfs, as it is "
        "mounted here, are of one machine; where nothing works on it any more, delete .*run.lock"
    )
    with pytest.raises(RunError, match=said), run_folder.held(run):
        pass
    lock.unlink()
    with run_folder.held(run):
        pass


def test_a_lock_that_holds_anything_is_taken(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.lock").write_bytes(b"\x80\xff\x00")
    with (
        run_folder.held(tmp_path / "run"),
        pytest.raises(RunError, match="is in use by process"),
        run_folder.held(tmp_path / "run"),
    ):
        pass


def _begin_and_wait(began: Any) -> None:
    began.set()
    time.sleep(60)


def test_a_process_that_was_forked_off_does_not_hold_the_run(tmp_path: Path) -> None:
    with run_folder.held(tmp_path):
        forked = multiprocessing.get_context("fork")
        began = forked.Event()
        worker = forked.Process(target=_begin_and_wait, args=(began,))
        worker.start()
        assert began.wait(60)
        said = f"is in use by process {os.getpid()} on"
        with pytest.raises(RunError, match=said), run_folder.held(tmp_path):
            pass
    try:
        with run_folder.held(tmp_path):  # as after a kill that the worker has not noticed yet
            assert worker.is_alive()
    finally:
        worker.kill()
        worker.join()


def test_folders_that_hold_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="there is no run folder"):
        run_folder.check(tmp_path / "none")
    with pytest.raises(RunError, match=r"config\.toml is missing"):
        run_folder.check(tmp_path)


def test_names_are_numbered(tmp_path: Path) -> None:
    assert run_folder.free_folder(tmp_path, "a").name == "a-1"
    (tmp_path / "a-1").mkdir()
    assert run_folder.free_folder(tmp_path, "a").name == "a-2"


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("seed", 2**63, "seed is 9223372036854775808; it must be from 0 to"),
        ("threads", 5000, "threads is 5000; it must be from 1 to 4096"),
        ("samples", 10**30, "samples is 1000000000000000000000000000000; it is too large"),
        ("mutation_rate", math.nan, "mutation_rate is nan; it must be at least 0"),
        ("geometry", f"width={'9' * 5000}", "no name=number of at most six digits"),
        ("epochs", 200_000, r"recipe quick: supernet\.epochs = 200000 must be"),
    ],
)
def test_a_run_that_could_not_be_read_again_is_not_begun(
    option: str, value: float | str, said: str
) -> None:
    with pytest.raises(EvoNasError, match=said):
        prepare(TINY, "1K", evaluator="tests.kit.plugins:Score", retrainer="tests.kit.plugins:Keep",
                **{option: value})  # type: ignore[arg-type]  # fmt: skip
