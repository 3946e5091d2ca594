"""The command line: a thin layer over :mod:`evo_nas.api`; what it shows is in ``views``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console

from .errors import EvoNasError

if TYPE_CHECKING:
    from .console import LiveProgress, PlainProgress
    from .result import Result

# Newer versions of typer carry their own copy of click, so its base error is found through typer.
_UsageError: Any = next(
    cls for cls in typer.BadParameter.__mro__ if cls.__name__ == "ClickException"
)

# Torch is imported only by commands that need it, so that help and errors come at once.

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Search neural network architectures by evolution under an exact compute budget.",
)

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
QuietFlag = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]


def main() -> None:
    """Run the command line; errors of the user end with one line and exit code 2."""
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except EvoNasError as error:
        _fail(str(error))
    except _UsageError as error:
        _fail(error.format_message())
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        print("evo-nas: stopped", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has gone, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        _fail(f"{error.strerror or error}: {error.filename}" if error.filename else str(error))


def _fail(message: str) -> NoReturn:
    print(f"evo-nas: error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)


def _out() -> Console:
    return Console(highlight=False, soft_wrap=False)


def _progress(quiet: bool) -> LiveProgress | PlainProgress:
    from .console import LiveProgress, PlainProgress

    console = Console(stderr=True, highlight=False, quiet=quiet)
    return LiveProgress(console) if console.is_terminal and not quiet else PlainProgress(console)


@app.callback(invoke_without_command=True)
def _versions(
    version: Annotated[
        bool, typer.Option("--version", help="Say versions, device, threads.")
    ] = False,
) -> None:
    if version:
        from .api import available_cores, environment, resolve_device

        facts = environment(resolve_device("auto"))
        print(f"evo-nas {facts.pop('evo-nas')}")
        print(", ".join(f"{name} {value}" for name, value in facts.items()))
        print(f"cores {available_cores()}")
        raise typer.Exit(0)


@app.command()
def run(
    space: Annotated[str, typer.Option(help="The search space.")] = "glit_hl",
    flops: Annotated[str, typer.Option(help="The budget: 1.4G, 1400M or 1.3G..1.4G.")] = "1.4G",
    strategy: Annotated[str, typer.Option(help="The search strategy.")] = "hierarchical",
    evaluator: Annotated[str, typer.Option(help="What scores candidates.")] = "supernet",
    retrainer: Annotated[str, typer.Option(help="What scores finalists.")] = "train",
    data: Annotated[str, typer.Option(help="digits, or a folder of images.")] = "digits",
    geometry: Annotated[
        str, typer.Option(help="proxy or target, with changes as proxy,width=96.")
    ] = "proxy",
    recipe: Annotated[str, typer.Option(help="quick, paper, or a TOML file.")] = "quick",
    epochs: Annotated[int | None, typer.Option(help="Of a supernet [recipe].")] = None,
    finalist_epochs: Annotated[int | None, typer.Option(help="Of a retraining [recipe].")] = None,
    samples: Annotated[int, typer.Option(help="Candidates a stage.")] = 1000,
    population: Annotated[int, typer.Option(help="Candidates a generation.")] = 50,
    parents: Annotated[int, typer.Option(help="The best so far that are bred from.")] = 10,
    crossover: Annotated[
        int | None, typer.Option(help="Children by crossover [half the population].")
    ] = None,
    mutation: Annotated[int | None, typer.Option(help="Children by mutation [the rest].")] = None,
    mutation_rate: Annotated[float, typer.Option(help="Probability a gene.")] = 0.1,
    finalists: Annotated[int, typer.Option(help="Retrained at the end of a stage.")] = 5,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    threads: Annotated[int, typer.Option(help="CPU threads of supernet training.")] = 1,
    jobs: Annotated[
        int | None, typer.Option(help="Processes for scores and finalists [all cores].")
    ] = None,
    run_dir: Annotated[Path | None, typer.Option(help="[runs/SPACE-FLOPS-N].")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")] = False,
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Search, retrain the finalists and deliver the best network."""
    from .api import prepare
    from .views import plan_view

    prepared = prepare(
        space, flops, strategy=strategy, evaluator=evaluator, retrainer=retrainer, data=data,
        geometry=geometry, recipe=recipe, epochs=epochs, finalist_epochs=finalist_epochs,
        samples=samples, population=population, parents=parents, crossover=crossover,
        mutation=mutation, mutation_rate=mutation_rate, finalists=finalists, seed=seed,
        device=device, threads=threads, jobs=jobs, run_dir=run_dir,
    )  # fmt: skip
    if as_json and dry_run:
        from .documents import plan_document

        print(json.dumps(plan_document(prepared)))
    elif not (as_json or (quiet and not dry_run)):
        _out().print(plan_view(prepared))
    if not dry_run:
        _finish(_stoppable(prepared.folder, prepared.start, quiet or as_json), as_json)


@app.command()
def resume(run: Path, quiet: QuietFlag = False, as_json: JsonFlag = False) -> None:
    """Go on with a run that was stopped or killed."""
    from . import api, runfolder

    runfolder.check(run)
    _finish(_stoppable(run, lambda p: api.resume(run, p), quiet or as_json), as_json)


def _stoppable(folder: Path, work: Any, quiet: bool) -> Result:
    try:
        with _progress(quiet) as progress:
            result: Result = work(progress)
            return result
    except KeyboardInterrupt:
        if folder.is_dir():
            print(f"evo-nas: stopped; go on with: evo-nas resume {folder}", file=sys.stderr)
        sys.exit(130)


def _finish(result: Result, as_json: bool) -> None:
    from . import registry
    from .documents import result_document
    from .views import result_view

    if as_json:
        print(json.dumps(result_document(result)))
    else:
        _out().print(result_view(result, registry.load("space", result.config.space)))


@app.command()
def show(what: str, as_json: JsonFlag = False) -> None:
    """Show a run, an architecture file, or a published network such as glit_tiny."""
    from . import registry, runfolder
    from .architectures import find_architecture
    from .documents import architecture_document
    from .result import load_result
    from .views import architecture_view

    path = Path(what)
    if path.is_dir():
        runfolder.check(path)
        _finish(load_result(path), as_json)
        return
    architecture = find_architecture(what)
    space = registry.load("space", architecture.space)
    genome = space.check(architecture.genome)
    if as_json:
        print(json.dumps(architecture_document(architecture, space)))
    else:
        _out().print(architecture_view(space, genome, architecture.name))


@app.command()
def space(
    spec: str,
    flops: Annotated[str | None, typer.Option(help="A budget to measure it by.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Say how large a space is, what it reaches, and what a budget leaves of it."""
    from . import registry
    from .budget import Budget, parse_budget
    from .documents import space_document
    from .feasible import feasible
    from .plan import published
    from .views import space_view

    budget = None if flops is None else parse_budget(flops)
    loaded = registry.load("space", spec)
    legal = feasible(loaded, budget or Budget(0, 10**18))
    networks = published(spec, loaded, budget)
    if as_json:
        print(json.dumps(space_document(loaded, legal, budget, networks)))
    else:
        _out().print(space_view(loaded, legal, budget, networks))
    if budget is not None:
        legal.require()


@app.command("list")
def list_(
    what: Annotated[
        str, typer.Argument(help="spaces, evaluators, strategies, data, networks, runs")
    ],
    as_json: JsonFlag = False,
) -> None:
    """List what can be named."""
    from .listing import listing
    from .views import names_view

    entries = listing(what)
    if as_json:
        print(json.dumps(entries))
    else:
        _out().print(names_view(entries))


@app.command()
def train(
    architecture: Annotated[str, typer.Argument(help="An architecture file or published name.")],
    data: Annotated[str, typer.Option(help="digits, or a folder of images.")] = "digits",
    geometry: Annotated[
        str, typer.Option(help="target or proxy, with changes as proxy,width=96.")
    ] = "target",
    recipe: Annotated[str, typer.Option(help="quick, paper, or a TOML file.")] = "quick",
    epochs: Annotated[int | None, typer.Option(help="[recipe].")] = None,
    out: Annotated[Path | None, typer.Option(help="[NAME-GEOMETRY.safetensors].")] = None,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    threads: Annotated[int | None, typer.Option(help="CPU threads [all].")] = None,
    quiet: QuietFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Train a found or published network from scratch and save it."""
    from .standalone import train_architecture
    from .views import names_view

    with _progress(quiet or as_json) as progress:
        told = train_architecture(
            architecture, data=data, geometry=geometry, recipe=recipe, epochs=epochs, out=out,
            seed=seed, device=device, threads=threads, progress=progress,
        )  # fmt: skip
    if as_json:
        print(json.dumps(told))
    else:
        _out().print(names_view({key: str(value) for key, value in told.items()}))


@app.command()
def convert(network: str, checkpoint: Path, out: Path) -> None:
    """Turn a released checkpoint of a published network into safetensors."""
    from . import registry
    from .architectures import find_architecture
    from .released import convert as convert_checkpoint

    architecture = find_architecture(network)
    space = registry.load("space", architecture.space)
    built = space.build(space.check(architecture.genome), space.target)
    convert_checkpoint(built, checkpoint, out)
    print(
        f"{out}: the weights of {architecture.name}, {sum(p.numel() for p in built.parameters()):,}"
    )
