"""Runs from Python: :func:`run`, :func:`resume` and what prepares them."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from evo_nas.core.console import Listening, listening
from evo_nas.core.devices import available_cores, device_name, resolve_device
from evo_nas.core.plugins import places, registry, trusted_code
from evo_nas.core.progress import Progress
from evo_nas.data.source import DataSource, SearchData
from evo_nas.results.page.run import FILE as PAGE
from evo_nas.results.page.run import write_report
from evo_nas.results.result import Result, load_result
from evo_nas.search import run_folder
from evo_nas.search.arguments import Amount, Named, amount_text, check_types, limit_texts
from evo_nas.search.best import read_best
from evo_nas.search.config import Config
from evo_nas.search.limits import (
    config_texts,
    describe_limits,
    given_limits,
    make_limits,
    unmeasured,
)
from evo_nas.search.loop import Loop
from evo_nas.search.plan import Plan, make_plan
from evo_nas.search.plugins import choose_plugins
from evo_nas.search.settings import (
    at_least,
    choose_data,
    choose_recipe,
    make_settings,
    resolve_geometry,
)
from evo_nas.search.upkeep import retry_failed

from .errors import SettingsError

RUNS = Path("runs")
_PACKAGES = ("evo-nas", "torch", "numpy", "deap", "fvcore", "scikit-learn")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run that is resolved and feasible, and has not begun."""

    config: Config
    plan: Plan
    data: SearchData
    folder: Path

    def start(self, progress: Listening = None) -> Result:
        """Make the run folder and run to the end."""
        facts: dict[str, object] = {
            "versions": environment(self.config.device),
            "config": asdict(self.config),
            "space": self.plan.space.fingerprint,
            "data": self.data.fingerprint,
            "validation_rows": self.data.validation_rows,
        }
        trusted_code.remember(self.config.specs)
        run_folder.create(self.folder, self.config, self.plan.space, facts)
        return _go_on(self.folder, progress, self.data)


def prepare(
    space: Named = "glit_hl",
    flops: Amount = None,
    *,
    params: Amount = None,
    latency: Amount = None,
    limits: str | Sequence[str] = (),
    strategy: Named = "hierarchical",
    evaluator: Named = "supernet",
    supernet: str | Path | None = None,
    retrainer: Named | None = None,
    data: Named | Path | None = None,
    geometry: str = "proxy",
    recipe: str = "quick",
    epochs: int | None = None,
    finalist_epochs: int | None = None,
    inherit: bool = False,
    failures: float = 0.5,
    time_limit: float = 0.0,
    finalist_time_limit: float = 0.0,
    seed: int = 0,
    device: str = "auto",
    threads: int = 1,
    jobs: int | None = None,
    run_dir: str | Path | None = None,
    **settings: float | None,
) -> Prepared:
    """Resolve everything about a run and decide its feasibility; nothing is written.

    ``flops`` and ``params`` limit costs at the target, as "6M" or "4M..6M", ``latency`` what the
    evaluator ``latency`` measures, as "15ms", and ``limits`` any metric, as "accuracy>=0.9" or
    "zero_cost?scores=naswot>=0.5". Without any, FLOPs are limited to 1.4G.

    Plug-ins are named by specs, or given as what has one: a class or function in a file or module,
    or an object that was loaded (:func:`evo_nas.core.plugins.specs.spec_of`). Limits may be numbers
    too, ``flops=1.4e9``, and one of ``limits`` a text alone.

    ``settings`` are those of :class:`evo_nas.strategies.base.Settings`; None means the default.
    ``epochs`` are the supernet's, ``finalist_epochs`` those of each retraining; both override the
    recipe. ``threads`` train a supernet on the CPU, where small proxies gain little from more than
    one; ``jobs`` processes of one thread each score candidates and retrain finalists there, with
    the same outcome for any number. ``geometry`` is "proxy" or "target", with changes as in
    "proxy,width=96". ``supernet`` is the folder of an earlier run whose shared weights and scores
    are used where its subspace is searched. With ``inherit``, finalists start from the weights that
    they have in the supernet, not from scratch. The run stops once more than the share ``failures``
    of the candidates of a phase have failed. ``time_limit`` is in seconds for each candidate of the
    search and ``finalist_time_limit`` for each retraining, 0 for none: who takes longer has failed.
    Both are for evaluators that work in worker processes. Without a ``retrainer`` the evaluator
    says which; without ``data`` it is "digits", or "none" where neither of the two looks at images.

    Raises:
        EvoNasError: something given is wrong, or nothing meets the budget.
    """
    check_types(locals())
    plugins = choose_plugins(space, strategy, evaluator, retrainer, supernet)
    loaded = plugins.space.loaded
    given = given_limits(
        loaded,
        amount_text("flops", flops),
        amount_text("params", params),
        amount_text("latency", latency),
        limit_texts(limits),
    )
    limited = make_limits(loaded, given, unmeasured)
    measured = dict.fromkeys(bound.limit.spec for bound in limited.bounds if bound.measured)
    plugins = plugins.with_limits(tuple(measured))
    plugins.check_time_limits(time_limit, finalist_time_limit)
    needing = plugins.needing_images
    images_spec = places.absolute("data", choose_data(data, needing))
    source: DataSource = registry.load("data", images_spec)
    chosen = choose_recipe(recipe, epochs, finalist_epochs)
    resolved = make_settings(settings)
    folder = _folder(run_dir, plugins.space.spec, describe_limits(given))
    plan = make_plan(plugins.space.spec, loaded, plugins.strategy.loaded, resolved, limited)
    if inherit:
        plugins.check_inheritance([outlook.stage for outlook in plan.stages])
    images = source.load(seed)
    if not needing and geometry != "proxy":
        raise SettingsError(f"no network is built in this run: no geometry to choose ({geometry})")
    shape = resolve_geometry(geometry, loaded, images) if needing else loaded.target
    kept_flops, kept_limits = config_texts(given)
    config = Config(
        space=plugins.space.spec,
        flops=kept_flops,
        strategy=plugins.strategy.spec,
        evaluator=plugins.evaluator.spec,
        retrainer=plugins.retrainer.spec,
        data=images_spec,
        seed=at_least("seed", seed, 0),
        device=resolve_device(device),
        threads=at_least("threads", threads, 1),
        jobs=at_least("jobs", available_cores() if jobs is None else jobs, 1),
        settings=resolved,
        geometry=shape,
        recipe=chosen,
        inherit=inherit,
        limits=kept_limits,
        failures=float(failures),
        time_limit=float(time_limit),
        finalist_time_limit=float(finalist_time_limit),
    )
    return Prepared(config, plan, images, folder)


def run(
    space: Named = "glit_hl",
    flops: Amount = None,
    *,
    progress: Listening = None,
    **options: Any,
) -> Result:
    """Search ``space`` within limits, retrain, and deliver a network; see :func:`prepare`.

    With ``progress=True`` it is shown: a bar in a terminal, lines elsewhere.
    """
    return prepare(space, flops, **options).start(progress)


def resume(folder: str | Path, progress: Listening = None, *, retry_failed: bool = False) -> Result:
    """Go on with a stopped run; a finished one is just read.

    With ``retry_failed``, candidates that failed are evaluated anew, once the evaluator is mended,
    and what followed from their failures is forgotten; see
    :func:`evo_nas.search.upkeep.retry_failed`.

    Raises:
        RunError: the folder holds no run, is in use, or something in it is damaged.
    """
    return _go_on(Path(folder), progress, None, retry_failed)


def _go_on(
    folder: Path, listener: Listening, data: SearchData | None, retry: bool = False
) -> Result:
    with listening(listener) as progress, run_folder.locked(folder):
        if retry:
            progress.say(retry_failed(folder))
        ended_before = _is_whole(folder)
        if not ended_before:
            config = Config.read(folder / run_folder.CONFIG)
            loop = Loop(folder, config, progress, data)
            loop.note_environment(environment(config.device))
            loop.run()
        result = load_result(folder)
        if not ended_before or not (folder / PAGE).is_file():
            make_page(result, progress)
    return result


def _is_whole(folder: Path) -> bool:
    """Whether a run has come to its end, and all that it delivered is there."""
    best = read_best(folder / run_folder.BEST)
    weights = folder / run_folder.WEIGHTS
    return best is not None and ("test_accuracy" not in best["measured"] or weights.exists())


def make_page(result: Result, progress: Progress) -> None:
    """Write report.html, or say why not: what a run has found stands without it."""
    try:
        write_report(result)
    except Exception as error:  # a plug-in's picture, a full disk: nothing may spoil the run
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        progress.say(f"report.html could not be written, all else is there: {reason}")


def environment(device: str) -> dict[str, str]:
    """Versions and hardware, to be kept with a run."""
    versions = {name: version(name) for name in _PACKAGES}
    name = f"{device} ({device_name(device)})"
    return {**versions, "python": platform.python_version(), "device": name}


def _folder(run_dir: str | Path | None, space: str, flops: str) -> Path:
    if run_dir is None:
        return new_folder("", space, flops)
    folder = Path(run_dir)
    run_folder.check_free(folder)
    return folder


def new_folder(prefix: str, space: str, flops: str) -> Path:
    """The first free folder among the runs that is called after a space and a budget."""
    short = registry.short(space).replace("?file=", "-")
    name = "".join(c if c.isalnum() or c in "._-" else "-" for c in f"{prefix}{short}-{flops}")
    return run_folder.free_folder(RUNS, name[:80])
