"""Commands that one wants next, once a run has ended or stopped."""

from __future__ import annotations

from evo_nas.core.plugins import registry
from evo_nas.errors import shell_word
from evo_nas.results.facts import is_trained
from evo_nas.results.result import Result
from evo_nas.space.space import Geometry


def next_commands(result: Result, target: Geometry) -> list[tuple[str, str]]:
    """Commands that go on from the run, what one wants most first, and what each does."""
    run, best = shell_word(result.folder), result.best
    if best is None:
        return [
            (f"evo-nas resume {run}", "go on with it, to the same end as if it had not stopped"),
            (f"evo-nas show {run}", "what it has found so far"),
        ]
    commands = []
    if is_trained(best):
        if reads_files(result.config.data):
            commands.append((f"evo-nas predict {run} PICTURES", "what it takes pictures for"))
        commands.append((f"evo-nas export {run}", "a folder with the network, to take away"))
    if train := train_command(result, target):
        commands.append((train, "train it at its full size; --data PATH: on other images"))
    return [
        *commands,
        (f"evo-nas show {run}", "the result in the terminal"),
        (f"evo-nas trust {run}", "how far the scores can be trusted"),
        (f"evo-nas report {run}", "this page, made anew"),
    ]


def train_command(result: Result, target: Geometry) -> str | None:
    """What trains the network at the target; None where that is done, or no images are there."""
    config = result.config
    if config.data == "none" or config.geometry.same_size(target):
        return None
    return f"evo-nas train {shell_word(result.folder)} --geometry target"


def reads_files(data: str) -> bool:
    """Whether the images of a spec are pictures in files, and not made in some other way."""
    target = data.partition("?")[0]
    return target not in registry.names("data") and ":" not in target
