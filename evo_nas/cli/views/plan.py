"""The plan of a run: what it will do, printed at its start."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from evo_nas.api import Prepared
from evo_nas.results.outlook.plan import plan_facts, stage_table

from .space import fitting_document, limits_document, published_view
from .tables import facts_view, table_view


def plan_view(prepared: Prepared) -> RenderableType:
    """What a run will do: printed at its start."""
    return Group(
        Text("Plan", style="bold"),
        facts_view(plan_facts(prepared)),
        table_view(stage_table(prepared)),
        *published_view(prepared.plan.published, judged=True),
    )


def plan_document(prepared: Prepared) -> dict[str, Any]:
    """A plan."""
    return {
        "config": asdict(prepared.config),
        "target": asdict(prepared.plan.space.target),
        "run_folder": str(prepared.folder),
        "whole_networks": asdict(prepared.plan.agreement),
        "images": asdict(prepared.inventory),
        "teachers": prepared.teachers,
        "limits": limits_document(prepared.plan.facts),
        "stages": [
            {
                "name": outlook.stage.name,
                "level": outlook.stage.level,
                "candidates": outlook.stage.candidates,
                "smallest": outlook.smallest,
                "largest": outlook.largest,
                **(fitting_document(outlook.feasible) if outlook.feasible else {}),
            }
            for outlook in prepared.plan.stages
        ],
        "published": [asdict(network) for network in prepared.plan.published],
    }
