"""The card of a model folder: what the network is, how it was found, what its figures are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from jinja2 import StrictUndefined, Template

from evo_nas.core.plugins import registry
from evo_nas.results.facts import measured_facts
from evo_nas.results.hub.front_matter import Publication, front_matter
from evo_nas.results.page.repeat import command
from evo_nas.results.result import load_result
from evo_nas.sampling.limits import format_amount, parse_limit
from evo_nas.search.config import Config
from evo_nas.space.costs.verification import true_costs

from .parity import Parity
from .trained import Trained


def model_card(
    trained: Trained, checks: Mapping[str, Parity], normalised: bool, said: Publication
) -> str:
    """The card in Markdown, as card.md says, below what the Hub reads."""
    about, space = trained.about, trained.space
    result = None if trained.run is None else load_result(trained.run)
    config = None if result is None else _without_paths(result.config)
    template = Template(
        Path(__file__).with_name("card.md").read_text(encoding="utf-8"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    card: str = template.render(
        trained=trained,
        about=about,
        space=space,
        measured=trained.measured,
        measured_facts=measured_facts(trained.measured),
        parameters=sum(parameter.numel() for parameter in trained.network.parameters()),
        costs=true_costs(space, about.genome),
        file=about.space.partition("?")[0],
        is_code=about.space.startswith("space.py:"),
        config=config,
        shortened=result is not None and config != result.config,
        command=None if config is None else command(config, space),
        versions=(result.facts["versions"] if result else None) or {},
        checks=checks,
        license=said.license,
        reads="uint8 pixels, which are normalised inside" if normalised else "normalised images",
        amount=format_amount,
        count="{:,}".format,
        numbers=lambda values: ", ".join(f"{value:.4f}" for value in values),
    )
    images = config.data if config else trained.measured.get("data")
    head = front_matter(
        trained.name, registry.short(about.space).partition("?")[0], images, trained.measured, said
    )
    return head + card


def _without_paths(config: Config) -> Config:
    """The configuration without paths of the machine that the run was made on."""
    limits = (parse_limit(text, kept=True) for text in config.limits)
    return replace(
        config,
        space=registry.short(config.space),
        strategy=registry.short(config.strategy),
        evaluator=registry.short(config.evaluator),
        retrainer=registry.short(config.retrainer),
        data=registry.short(config.data),
        limits=tuple(str(replace(each, metric=registry.short(each.metric))) for each in limits),
    )
