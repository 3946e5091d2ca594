"""Runs from Python: :func:`run`, :func:`resume` and what prepares them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from evo_nas.callbacks.callback import Callback
from evo_nas.core.console import Listening, listening
from evo_nas.core.devices import available_cores, environment, resolve_device
from evo_nas.core.files import write_atomically
from evo_nas.core.paths import expanded
from evo_nas.core.plugins import places, registry, trusted_code
from evo_nas.core.signals import telling
from evo_nas.core.workers.start import worker_processes
from evo_nas.data.inventory import Inventory
from evo_nas.data.source import SearchData, inventory
from evo_nas.results.outlook.plan import plan_card
from evo_nas.results.page.run import make_page
from evo_nas.results.result import Result, load_result
from evo_nas.search import run_folder
from evo_nas.search.architectures import is_whole
from evo_nas.search.config import MENDABLE, Config
from evo_nas.search.course.audience import make_callbacks
from evo_nas.search.course.extension import extend, longer
from evo_nas.search.course.start import choose_start
from evo_nas.search.given.file import completed
from evo_nas.search.given.target import at_target
from evo_nas.search.limits import (
    config_texts,
    describe_config,
    describe_limits,
    given_limits,
    make_limits,
    unmeasured,
)
from evo_nas.search.loop import Loop
from evo_nas.search.options import OPTIONS, RunOptions, given_options, takes_options
from evo_nas.search.plan import Plan, make_plan
from evo_nas.search.plugins import choose_plugins
from evo_nas.search.promises import code
from evo_nas.search.promises.beginning import again, given_again, note_environment
from evo_nas.search.promises.code import accept_code
from evo_nas.search.settings import (
    Sources,
    choose_data,
    choose_recipe,
    find_teachers,
    resolve_geometry,
    with_epochs,
)
from evo_nas.search.store.rows import Given
from evo_nas.search.upkeep import retry_failed
from evo_nas.space.costs.alike import Found, sharing

from .errors import SettingsError

_KEPT = {field.name for field in fields(Config)}


@dataclass(frozen=True, slots=True, repr=False)
class Prepared:
    """A run that is resolved and feasible, and has not begun.

    ``teachers`` says, by section of the recipe, who teaches there; it begins with ``given``.
    ``found`` is what is known of its space already (:mod:`evo_nas.space.costs.alike`).
    """

    config: Config
    plan: Plan
    data: SearchData
    inventory: Inventory
    folder: Path
    teachers: dict[str, str] = field(default_factory=dict)
    given: tuple[Given, ...] = ()
    found: Found = field(default_factory=dict, compare=False)

    def __repr__(self) -> str:
        space = registry.short(self.config.space)
        return f"<evo-nas plan: {space} within {describe_config(self.config)}, in {self.folder}>"

    def _repr_html_(self) -> str:
        return plan_card(self)

    def start(self, progress: Listening = None, callbacks: Any = ()) -> Result:
        """Make the run folder and run to the end."""
        watching, begun = make_callbacks(callbacks), code.code_of_run(self.config)
        with sharing(self.found):
            self.create(self.folder, begun)
            return _go_on(self.folder, progress, watching, (self.data, begun))

    def save(self, file: str | Path) -> None:
        """Write the configuration to a file, of which ``prepare(config=file)`` makes the same run.

        As many jobs as there are cores are left to the machine that reads it.
        """
        trusted_code.remember(self.config.specs)
        on_all_cores = self.config.jobs == available_cores()
        text = self.config.to_toml(without=("jobs",) if on_all_cores else ())
        write_atomically(expanded(file), text.encode())

    def create(
        self, folder: Path, found: code.Code, files: Mapping[str, bytes] | None = None
    ) -> None:
        """Make a run folder, with further ``files``, of a run that has not begun.

        ``found`` is the code of its plug-ins.
        """
        facts: dict[str, object] = {
            "versions": environment(self.config.device),
            "config": asdict(self.config),
            "space": self.plan.space.fingerprint,
            "data": self.data.fingerprint,
            "validation_rows": self.data.validation_rows,
            code.FACT: code.digests(found),
            "inventory": asdict(self.inventory),
            "start": [asdict(one) for one in self.given],
        }
        trusted_code.remember(self.config.specs)
        run_folder.create(folder, self.config, self.plan.space, facts, files)


@takes_options
def prepare(*positional: Any, config: str | Path | None = None, **given: Any) -> Prepared:
    """Resolve everything about a run and decide its feasibility; nothing is written.

    ``flops`` and ``params`` limit costs at the target, as "6M" or "4M..6M", ``latency`` what the
    evaluator ``latency`` measures, as "15ms", and ``limits`` any metric, as "accuracy>=0.9" or
    "zero_cost?scores=naswot>=0.5". Without any, FLOPs are limited to 1.4G.

    Costs are counted at the ``target``: "images", or {"image_size": 32}, changes the space's own.
    Plug-ins are named by specs, or given as what has one: a class or function in a file or module,
    or an object that was loaded (:func:`evo_nas.core.plugins.specs.spec_of`). Limits may be numbers
    too, ``flops=1.4e9``, and one of ``limits`` a text alone.
    The options are those of :class:`evo_nas.search.options.RunOptions`; None means the default.
    What is not given comes from the file ``config``, if there is one.
    ``epochs`` and ``finalist_epochs`` override the recipe. ``threads`` train a supernet on the CPU,
    where small proxies gain little from more than one, in each process that shares the recipe's
    shards; ``jobs`` processes do, and of one thread each score candidates and retrain finalists,
    with the same outcome for any number. ``geometry`` is "proxy" or "target", with changes as in
    "proxy,width=96". Who takes longer than ``time_limit`` or ``finalist_time_limit`` has failed;
    both are for evaluators that work in worker processes. Without ``data`` it is that of the run
    ``supernet``, or digits, or "none" where nothing looks at images.

    Raises:
        EvoNasError: something given is wrong, or nothing meets the budget.
    """
    chosen = given_options(*positional, **given)
    options = RunOptions(**(chosen if config is None else completed(chosen, config)))
    with sharing() as found:
        return replace(_prepare(options), found=found)


def _prepare(options: RunOptions) -> Prepared:
    recipe, sources = choose_recipe(options.recipe), Sources(options.seed)
    plugins = choose_plugins(at_target(options, sources), recipe)
    loaded = plugins.space.loaded
    limits = given_limits(loaded, options.flops, options.params, options.latency, options.limits)
    limited = make_limits(loaded, limits, unmeasured)
    plugins = plugins.with_limits(limited)
    plugins.check_time_limits(options.time_limit, options.finalist_time_limit)
    needing = plugins.needing_images
    images_spec = places.absolute("data", choose_data(options.data, needing, options.supernet))
    source = sources.source(images_spec)
    settings, geometry = options.settings, options.geometry
    if options.run_dir is None:
        folder = run_folder.new_folder("", plugins.space.spec, describe_limits(limits))
    else:
        folder = Path(options.run_dir)
        run_folder.check_free(folder)
    plan = make_plan(plugins.space.spec, loaded, plugins.strategy.loaded, settings, limited)
    stages = [outlook.stage for outlook in plan.stages]
    start = choose_start(options.start, plugins, stages, limited)
    inherit = plugins.inherit(options.inherit, stages, recipe.finetune is not None)
    images = sources.images(images_spec)
    if not needing and geometry != "proxy":
        raise SettingsError(f"no network is built in this run: no geometry to choose ({geometry})")
    shape = resolve_geometry(geometry, loaded, images) if needing else loaded.target
    device, epochs = resolve_device(options.device), (options.epochs, options.finalist_epochs)
    recipe = with_epochs(recipe, *epochs, inherit)
    recipe, teachers = find_teachers(recipe, inherit, images, shape, device)
    finalist_epochs = recipe.retraining(inherit).epochs
    halving = plugins.halving(options.halving, recipe.halving, finalist_epochs)
    flops, others = config_texts(limits)
    resolved: dict[str, Any] = {
        "space": plugins.space.spec,
        "flops": flops,
        "limits": others,
        "strategy": plugins.strategy.spec,
        "evaluator": plugins.evaluator.spec,
        "retrainer": plugins.retrainer.spec,
        "data": images_spec,
        "device": device,
        "jobs": worker_processes(options.jobs),
        "settings": replace(settings, halving=halving),
        "geometry": shape,
        "recipe": recipe,
        "inherit": inherit,
    }
    as_given = {name: getattr(options, name) for name in OPTIONS if name in _KEPT - resolved.keys()}
    config = Config(**as_given, **resolved)
    held = inventory(source, images)
    return Prepared(config, plan, images, held, folder, teachers, start)


@takes_options
def run(
    *positional: Any,
    progress: Listening = None,
    callbacks: Any = (),
    config: str | Path | None = None,
    **given: Any,
) -> Result:
    """Search ``space`` within limits, retrain, and deliver a network; see :func:`prepare`.

    With ``progress=True`` it is shown: a bar in a terminal, lines elsewhere. ``callbacks`` watch
    it: specs such as "tensorboard", and classes or objects (:class:`evo_nas.callbacks.Callback`).
    """
    watching = make_callbacks(callbacks)
    prepared: Prepared = prepare(*positional, config=config, **given)
    return prepared.start(progress, watching)


def resume(
    folder: str | Path,
    progress: Listening = None,
    *,
    callbacks: Any = (),
    retry_failed: bool = False,
    accept_changes: bool = False,
    data: Any = None,
    samples: int | None = None,
    time: str | float | timedelta | None = None,
    patience: int | None = None,
    until: str | None = None,
) -> Result:
    """Go on with a stopped run; a finished one is just read, and changes noted if accepted.

    With more ``samples`` than it was given, or of what has ended its searches, a run becomes what
    it would have been with these from the start (docs/run-folder.md).

    ``data`` are images that were given to the run from Python, given again to another process.

    With ``retry_failed``, candidates that failed are evaluated anew, once the evaluator is mended,
    and what followed is forgotten; see :func:`evo_nas.search.upkeep.retry_failed`. A run whose
    plug-ins have changed otherwise goes on only with ``accept_changes``, and notes which.

    Raises:
        RunError: the folder holds no run, is in use, or something in it is damaged; or code or a
            table of the run is not what it was.
    """
    more = {"samples": samples, "time": time, "patience": patience, "until": until}
    if data is not None:
        given_again(expanded(folder), OPTIONS["data"].kind.read("data", data))
    how = retry_failed, accept_changes, more
    return _go_on(expanded(folder), progress, make_callbacks(callbacks), None, *how)


def _go_on(
    folder: Path,
    listener: Listening,
    callbacks: Sequence[Callback],
    begun: tuple[SearchData, code.Code | None] | None,
    retry: bool = False,
    accept: bool = False,
    more: Mapping[str, Any] | None = None,
) -> Result:
    with listening(listener) as shown, run_folder.at_work(folder, shown) as progress, sharing():
        if retry:
            progress.say(retry_failed(folder))
        mended = MENDABLE if retry else ()
        make = partial(Loop, folder, accept_changes=accept, mended=mended, callbacks=callbacks)
        config = Config.read(folder / run_folder.CONFIG)
        if more and longer(config, more) != config:
            begun = _make_longer(make(config, progress), more), None
        ended_before = is_whole(folder)
        if ended_before and accept:
            accept_code(folder, progress)
        if not ended_before:
            loop = make(Config.read(folder / run_folder.CONFIG), progress, *(begun or ()))
            note_environment(loop.store, environment(loop.config.device), progress)
            with telling(again(folder, loop.config)):
                loop.run()
        result = load_result(folder)
        if not ended_before or not (folder / run_folder.PAGE).is_file():
            make_page(result, progress)
    return result


def _make_longer(loop: Loop, more: Mapping[str, Any]) -> SearchData:
    """Give a run more, unless a kill came just after that; its images."""
    with closing(loop.store), closing(loop.measurer):
        if (config := longer(loop.config, more)) != loop.config:
            extend(loop, config)
    return loop.data
