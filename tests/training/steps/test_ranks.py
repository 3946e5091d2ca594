"""Ranks of torchrun: the same weights for any number of them, whatever one of them meets."""

import subprocess
import sys

import pytest
import torch

from evo_nas.cli.commands.run import _begun_before
from evo_nas.errors import SettingsError
from evo_nas.training.steps import ranks
from tests.kit.ranks import outcomes


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 4])
def test_any_number_of_ranks_trains_the_same_weights(count, tmp_path):
    words = ["--nproc-per-node", str(count), "-m", "tests.kit.ranks", str(tmp_path / "found")]
    subprocess.run([sys.executable, "-m", "torch.distributed.run", *words], check=True)
    together, alone = torch.load(tmp_path / "found"), outcomes()
    assert together.keys() == alone.keys()
    assert alone.pop("wrong") == "injected"
    told = "a shard of a step cannot be trained by rank 1: ValueError: injected"
    assert told in together.pop("wrong")
    for name, weights in alone.items():
        assert all(torch.equal(together[name][key], weights[key]) for key in weights), name


def test_without_torchrun_there_is_one_rank(monkeypatch):
    assert ranks.rank_count() == 1
    assert not ranks.among_ranks()
    monkeypatch.setenv("WORLD_SIZE", "4")  # as other launchers set it
    assert not ranks.among_ranks()
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    assert ranks.among_ranks()


def test_a_command_that_torchrun_starts_again_goes_on_with_its_run(monkeypatch, tmp_path):
    assert _begun_before(str(tmp_path)) is None
    monkeypatch.setenv("TORCHELASTIC_MAX_RESTARTS", "2")
    with pytest.raises(SettingsError, match="give --run-dir"):
        _begun_before(None)
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    assert _begun_before(str(tmp_path)) is None
    (tmp_path / "config.toml").touch()
    assert _begun_before(str(tmp_path)) == tmp_path
