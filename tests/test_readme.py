"""What the README shows works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import evo_nas
from evo_nas.cli import app

README = Path(__file__).resolve().parents[1] / "README.md"

pytestmark = pytest.mark.skipif(not README.is_file(), reason="tested away from the repository")


def test_the_evaluator_of_the_readme_searches(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n# cheap.py\n(.*?)```", README.read_text(), re.DOTALL)
    plugin = tmp_path / "cheap.py"
    plugin.write_text(code)
    result = evo_nas.run(
        "glit_hl",
        "1.4G",
        evaluator=f"{plugin}:GlobalHeads",
        retrainer=f"{plugin}:GlobalHeads",
        data="digits?train=100&validation=50&test=50",
        samples=60,
        population=20,
        run_dir=tmp_path / "run",
    )
    assert result.best is not None
    assert result.best["target"]["flops"] <= 1_400_000_000
    assert "heads" in " ".join(result.best["choices"])


def test_the_flags_and_commands_of_the_readme_exist() -> None:
    import typer.main

    group = typer.main.get_command(app)
    commands = group.commands  # type: ignore[attr-defined]
    names = "run|show|resume|report|trust|compare|train|list|space|convert|export|figure|new|check"
    for line in re.findall(rf"evo-nas ((?:{names})\b.*)", README.read_text()):
        name, *rest = line.split()
        command = commands["figure"].commands[rest[0]] if name == "figure" else commands[name]
        known = {flag for parameter in command.params for flag in parameter.opts} | {"--help"}
        assert set(re.findall(r"(?<!\S)--[a-z-]+", line)) <= known, line
