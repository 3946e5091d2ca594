"""Who hears of a run: the display, whatever else follows its progress, and callbacks.

Why: docs/decisions/058-callbacks.md.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evo_nas.callbacks.callback import Callback, EpochDone, RunBegun, RunEnded, StageEnded
from evo_nas.core.plugins import places, registry
from evo_nas.core.plugins.blame import ANYHOW, describe, show_traceback
from evo_nas.core.progress import Progress, Silent
from evo_nas.core.validation import shown
from evo_nas.errors import SettingsError, printable
from evo_nas.search.config import Config
from evo_nas.search.store.rows import Evaluation, Watched
from evo_nas.search.store.store import Store
from evo_nas.strategies.base import Scored, StagePlan
from evo_nas.training.trainer import Epoch


def make_callbacks(given: object) -> list[Callback]:
    """Those that are given: specs, classes and objects, or one of them.

    Raises:
        SettingsError: something is none; SpecError: a spec names none, or it cannot be made.
    """
    several = isinstance(given, Sequence) and not isinstance(given, str)
    return [_make(each) for each in (given if several else [given])]  # type: ignore[attr-defined]


def _make(given: object) -> Callback:
    if isinstance(given, str):
        made: Callback = registry.load("callback", places.absolute("callback", given))
        return made
    if isinstance(given, type) and issubclass(given, Callback):
        return given()
    if not isinstance(given, Callback):
        raise SettingsError(
            f"callbacks has {shown(given)}; give specs, as 'tensorboard', or objects of classes "
            "that are derived from evo_nas.callbacks.Callback"
        )
    return given


def name_of(callback: Callback) -> str:
    """Its spec, or what its class is called."""
    return str(getattr(callback, "spec", type(callback).__name__))


class Audience:
    """Passes on what a run tells: progress to ``listeners``, what happened to ``callbacks``.

    The first listener is the display. What is noted is kept in the run's ``store``.
    """

    def __init__(
        self,
        display: Progress | None = None,
        callbacks: Sequence[Callback] = (),
        store: Store | None = None,
    ) -> None:
        self.listeners: list[Progress] = [display or Silent()]
        self._callbacks, self._store = list(callbacks), store
        self._failed: set[int] = set()
        self._stage: StagePlan | None = None
        self._begun = False  # whether the stage has been told
        self._place = "", ""
        self._wish = ""

    # -- progress --------------------------------------------------------------------------------

    def start(self, what: str, total: int, unit: str) -> None:
        for listener in self.listeners:
            listener.start(what, total, unit)

    def advance(self, done: float, note: str = "") -> None:
        for listener in self.listeners:
            listener.advance(done, note)

    def say(self, message: str) -> None:
        for listener in self.listeners:
            listener.say(message)

    def note(self, where: str, lines: Sequence[str]) -> None:
        """Say and keep what happened, each line once in the run."""
        assert self._store is not None, "notes are of a run"
        for line in dict.fromkeys(lines):
            if line not in self._store.notes().get(where, []):
                self.say(line)
        self._store.add_notes(where, lines)

    # -- what happens ----------------------------------------------------------------------------

    @contextmanager
    def attending(self, folder: Path, config: Config) -> Iterator[dict[str, Any]]:
        """Tell of the begin and the end of a run, which fills in what was measured."""
        assert self._store is not None, "a run is attended"
        recorded = len(self._store.evaluations()) if self._callbacks else 0
        run = RunBegun(folder, self._known_as(self._store), asdict(config), recorded)
        self._callbacks = [each for each in self._callbacks if self._tell(each, "run_begun", run)]
        measured: dict[str, Any] = {}
        ended = RunEnded("finished", measured)
        try:
            yield measured
        except KeyboardInterrupt:
            ended = RunEnded("stopped")
            raise
        except BaseException as error:
            ended = RunEnded("failed", error=describe(error))
            raise
        finally:
            self._tell_all("run_ended", ended)

    def enter(self, stage: StagePlan) -> None:
        """What happens from now on is of this stage."""
        self._stage, self._begun, self._wish = stage, False, ""

    def work(self, phase: str) -> None:
        """Something is left to do in this phase of the stage, if it is of one."""
        if self._stage is None:  # as what is computed to judge a run that is over
            return
        self._place = self._stage.name, phase
        if not self._begun:
            self._begun = True
            self._tell_all("stage_begun", self._stage)

    def evaluated(self, evaluation: Evaluation) -> None:
        """A candidate is recorded."""
        self.work(evaluation.phase)
        for callback in self._callbacks:
            self._tell(callback, "evaluation_done", evaluation, may_stop=True)

    def wish(self) -> str:
        """Why a callback wants the search of this stage to end, "" while none does."""
        return self._wish

    def epoch(self, training: str, epoch: Epoch) -> None:
        """An epoch of a training is done."""
        self._tell_all("epoch_done", EpochDone(*self._place, training, **asdict(epoch)))

    def leave(self, finalists: Sequence[Scored]) -> None:
        """The stage is over."""
        if self._begun:
            assert self._stage is not None
            self._tell_all("stage_ended", StageEnded(self._stage, finalists))

    def _known_as(self, store: Store) -> str:
        """The id by which callbacks know the run, in which it is kept who they are.

        None of those that the run names is started for that: the folder may be a stranger's.
        """
        known: Watched | None = store.fact("watched")
        names = tuple(map(name_of, self._callbacks))
        if known and (left := [printable(name) for name in known.by if name not in names]):
            self.say(f"no more watched by {', '.join(left)}: give it again with --callback")
        if names:
            before = known or Watched(secrets.token_hex(8))
            known = Watched(before.id, tuple(dict.fromkeys([*before.by, *names])))
            store.set_fact("watched", asdict(known))
        return known.id if known else ""

    def _tell_all(self, method: str, event: object) -> None:
        for callback in self._callbacks:
            self._tell(callback, method, event)

    def _tell(self, callback: Callback, method: str, event: object, may_stop: bool = False) -> bool:
        """Whether a callback could be told."""
        try:
            said = getattr(callback, method)(deepcopy(event))
            if may_stop and said is not None:
                self._hear(callback, said)
        except ANYHOW as error:  # a plug-in may fail in any way
            self._fail(callback, method, error)
            return False
        return True

    def _hear(self, callback: Callback, said: object) -> None:
        if not isinstance(said, str) or not said:
            raise TypeError(f"it returned {shown(said)}: a text that says why ends a search")
        self._wish = self._wish or f"{name_of(callback)}: {said}"

    def _fail(self, callback: Callback, method: str, error: BaseException) -> None:
        show_traceback(error)
        if id(callback) not in self._failed:
            self._failed.add(id(callback))
            goes_on = "the run goes on without it" if method == "run_begun" else "the run goes on"
            line = f"callback {name_of(callback)} failed, {goes_on}: {method}: {describe(error)}"
            self.note("run", [line])
