"""What a run takes where nothing is said."""

from __future__ import annotations

from pathlib import Path

from evo_nas.api import prepare
from evo_nas.search.config import Config
from evo_nas.search.settings import choose_data


def test_images_are_those_of_the_run_whose_weights_are_used_again(tmp_path: Path) -> None:
    config: Config = prepare(
        "tests.kit.plugins:Tiny", "1K", data="digits?train=100&validation=50&test=50",
        strategy="random", finalists=1, evaluator="train",
    ).config  # fmt: skip
    (tmp_path / "config.toml").write_text(config.to_toml())
    assert choose_data(None, ["supernet"], str(tmp_path)) == config.data
    assert choose_data("digits", ["supernet"], str(tmp_path)) == "digits"
    assert choose_data(None, ["supernet"]) == "digits"
    assert choose_data(None, [], str(tmp_path)) == "none"
