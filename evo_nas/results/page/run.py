"""The page of one run, finished or not."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from markupsafe import Markup

from evo_nas.core.files import write_atomically
from evo_nas.core.plugins import registry
from evo_nas.results.architecture import slots_table
from evo_nas.results.candidates import Stage
from evo_nas.results.charts.cells import draw_cells
from evo_nas.results.charts.stages import flops_chart, thinned, time_chart
from evo_nas.results.facts import best_facts
from evo_nas.results.result import Result, check_genomes
from evo_nas.results.tables import Table
from evo_nas.sampling.limits import parse_range
from evo_nas.search.config import Config
from evo_nas.search.limits import describe_config
from evo_nas.search.run_folder import PAGE
from evo_nas.space.space import Genome, Space
from evo_nas.space.table import slot_table
from evo_nas.strategies.base import Strategy
from evo_nas.training.batches import Ledger

from .lineage import Lineage, lineage
from .render import drawing, render
from .repeat import command, next_commands, recipe_is_shipped
from .shares import Shares, shares
from .spending import spending
from .trust import reliabilities, trust_parts

FILE = PAGE


def write_report(result: Result, out: Path | None = None) -> Path:
    """Write the page of a run, into its folder unless ``out`` says where; the path.

    Raises:
        EvoNasError: a plug-in that the run was made with cannot be loaded.
        RunError: the page cannot be written.
    """
    path = out or result.folder / FILE
    space: Space = registry.load("space", result.config.space)
    check_genomes(result, space)
    write_atomically(path, run_page(result, space).encode(errors="replace"))
    return path


def run_page(result: Result, space: Space) -> str:
    """The page as HTML."""
    config, budget = result.config, parse_range(result.config.flops)
    trust, problems = trust_parts(result)
    finished = result.best is not None
    return render(
        "run.html",
        title=f"{registry.short(config.space)} within {describe_config(config)}",
        folder=str(result.folder),
        finished=finished,
        config=config,
        names=_names(config),
        strategy=_about(config),
        evaluations=len(result.evaluations),
        measured=best_facts(result.best, config, result.facts.get("rejected"))
        if result.best
        else [],
        network=_network(result, space),
        budget=budget,
        used=result.best["target"]["flops"] / budget.most
        if result.best and budget.high < math.inf
        else None,
        stages=[
            _stage_part(f"stage-{number}", result.stage(name), space, config)
            for number, name in enumerate(result.stages, start=1)
        ],
        notes=result.notes,
        spent=spending(result),
        work=sum(result.spent.values()),
        images=sum(result.images.values(), Ledger()),
        reliabilities=reliabilities(result),
        trust=trust,
        problems=problems,
        command=command(config, space),
        whole_recipe=recipe_is_shipped(config.recipe),
        next=next_commands(result.folder, finished, config.data != "none"),
        versions=result.facts["versions"] or {},
        fingerprint=result.facts["data"],
        settings=config.to_toml(),
        version=version("evo-nas"),
    )


def _names(config: Config) -> dict[str, str]:
    specs = ("space", "strategy", "evaluator", "retrainer", "data")
    return {name: registry.short(getattr(config, name)) for name in specs}


def _about(config: Config) -> str:
    """The first line of what the strategy says of itself, which names its source."""
    strategy: Strategy = registry.load("strategy", config.strategy)
    return (strategy.__doc__ or "").strip().partition("\n")[0]


@dataclass(frozen=True, slots=True)
class _StagePart:
    """A stage with what is drawn and counted of it; ``drawn`` candidates are in the charts."""

    anchor: str
    stage: Stage
    flops_chart: Markup | None
    time_chart: Markup | None
    drawn: int
    over_budget: int
    finalists: Table
    shares: Shares | None
    lineage: Lineage | None


def _stage_part(anchor: str, stage: Stage, space: Space, config: Config) -> _StagePart:
    budget = parse_range(config.flops)
    return _StagePart(
        anchor,
        stage,
        drawing(flops_chart(stage, budget))
        if stage.candidates or len(stage.finalists) > 1
        else None,
        drawing(time_chart(stage)) if stage.candidates else None,
        len(thinned(stage.candidates)),
        sum(candidate.evaluation.flops not in budget for candidate in stage.candidates),
        _finalists(stage, registry.short(config.retrainer)),
        shares(stage, space) if stage.candidates else None,
        lineage(stage, space),
    )


def _finalists(stage: Stage, retrainer: str) -> Table:
    columns = [">place", f">{stage.truth.name} by {retrainer}", ">FLOPs", ">parameters"]
    if stage.candidates:
        columns[2:2] = [f">{stage.objective.name} in the search", ">candidate"]
    rows = []
    for each in stage.shown:
        found, searched = each.evaluation, each.searched
        error = found.metrics.get("standard_error") if stage.truth.name == "accuracy" else None
        uncertainty = f" ± {error:.4f}" if error else ""
        row = [
            f"{each.place}",
            f"{each.score:.4f}{uncertainty}",
            f"{found.flops:,}",
            f"{found.params:,}",
        ]
        if stage.candidates:
            row[2:2] = [f"{searched.score:.4f}", f"{searched.number:,}"] if searched else ["-", "-"]
        rows.append(row)
    return Table(tuple(columns), rows, f"Finalists of {stage.name}")


def _network(result: Result, space: Space) -> dict[str, object] | None:
    if result.best is None:
        return None
    genome: Genome = space.encode(result.best["choices"])
    cells, slots = space.picture(genome), slot_table(space, genome)
    return {
        "picture": drawing(draw_cells(cells, "The network that was found")) if cells else None,
        "table": slots,
        "slots": slots_table(slots),
        "legend": space.legend,
        "counted": space.counted,
        "genome": json.dumps(genome),
    }
