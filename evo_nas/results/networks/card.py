"""The card of a model folder: what the network is, how it was found, what its figures are not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from evo_nas.core.plugins import registry
from evo_nas.results.facts import measured_facts
from evo_nas.results.page.repeat import command
from evo_nas.results.result import Result, load_result
from evo_nas.sampling.limits import format_amount, parse_limit
from evo_nas.search.config import Config

from .parity import Parity
from .trained import Trained

_LOADING = """\
```python
import evo_nas

network = evo_nas.load({call})  # in evaluation mode, on the CPU
print(network.pretrained_cfg)  # image size, channels, mean and std by channel
```
"""


def model_card(trained: Trained, spec: str, checks: Mapping[str, Parity], normalised: bool) -> str:
    """The card in Markdown."""
    result = load_result(trained.run) if trained.run is not None else None
    sections = {
        "Network": _network(trained, spec),
        "How it was found": _found(trained, result),
        "How well it does": _measured(trained),
        "Images": _images(trained),
        "How to load it": _loading(spec, checks, normalised),
        "Checks": _checks(checks),
        "Licence": iter(["To be chosen by whoever publishes this folder."]),
    }
    parts = [f"# {trained.name}", "An image classifier found by evo-nas."]
    for title, lines in sections.items():
        parts += [f"## {title}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _network(trained: Trained, spec: str) -> Iterator[str]:
    space, genome = trained.space, trained.space.check(trained.architecture.genome)
    at_target = space.costs(genome)
    yield f"- space: `{spec}`; all choices are in architecture.json"
    yield f"- geometry of these weights: {trained.geometry}"
    yield (
        f"- parameters of these weights: {sum(p.numel() for p in trained.network.parameters()):,}"
    )
    yield (
        f"- the same architecture {space.counted}: {at_target['params']:,} parameters, "
        f"{at_target['flops']:,} FLOPs ({format_amount(at_target['flops'])})"
    )
    yield "- FLOPs are counted by fvcore; 1 FLOP is 1 multiply-accumulate, batch size 1"
    if spec.partition("?")[0].endswith(".toml"):
        yield "- the space is described by space.toml, which is in this folder"
    elif spec.startswith("space.py:"):
        yield (
            "- **the space is Python code, space.py in this folder: loading the network runs it. "
            "Read it first, then load with `trust_code=True`**"
        )


def _found(trained: Trained, result: Result | None) -> Iterator[str]:
    if result is None:
        yield f"Weights from `{trained.weights.name}`; no run of a search is known."
        if trained.measured:
            recipe, epochs = trained.measured.get("recipe"), trained.measured.get("epochs")
            yield f"Trained alone, from scratch: recipe {recipe}, {epochs} epochs, "
            yield f"seed {trained.measured.get('seed')}, images `{trained.measured.get('data')}`."
        return
    config = _without_paths(result.config)
    yield f"```\n{command(config, trained.space)}\n```\n"
    if config != result.config:
        yield "Of files and folders only the names are told.\n"
    yield f"- budget: {config.flops} FLOPs {trained.space.counted}"
    yield f"- strategy `{config.strategy}`, evaluator `{config.evaluator}`, seed {config.seed}"
    yield f"- trained by `{config.retrainer}`, recipe {config.recipe.name}"
    yield f"- images: `{config.data}`, fingerprint `{trained.measured.get('fingerprint')}`"
    versions = result.facts["versions"] or {}
    yield "- versions: " + ", ".join(f"{name} {value}" for name, value in versions.items())


def _without_paths(config: Config) -> Config:
    """The configuration without paths of the machine that the run was made on."""
    limits = (parse_limit(text) for text in config.limits)
    return replace(
        config,
        space=registry.short(config.space),
        strategy=registry.short(config.strategy),
        evaluator=registry.short(config.evaluator),
        retrainer=registry.short(config.retrainer),
        data=registry.short(config.data),
        limits=tuple(str(replace(each, metric=registry.short(each.metric))) for each in limits),
    )


def _measured(trained: Trained) -> Iterator[str]:
    if "validation_accuracy" not in trained.measured:
        yield "Nothing is recorded with these weights."
        return
    for name, value in measured_facts(trained.measured):
        yield f"- {name}: {value}"
    if "test_accuracy" not in trained.measured:
        yield "- the test split was not read for it: it is a finalist of the run, not its best"
    if trained.geometry != trained.space.target:
        yield ""
        yield (
            "These accuracies are those of a small network (the geometry above) on these images. "
            "They rank architectures; they say nothing of the same architecture trained at the "
            f"target ({trained.space.target}), nor of other images."
        )


def _images(trained: Trained) -> Iterator[str]:
    size = trained.geometry.image_size
    yield f"- {size}x{size} pixels, channels: {trained.geometry.channels}"
    yield "- resized bilinearly with antialiasing, then (pixel / 255 - mean) / std by channel"
    yield f"- mean {_numbers(trained.mean)}; std {_numbers(trained.std)}; more digits are in"
    yield "  preprocessing.json"
    classes = ", ".join(trained.classes[:20])
    more = f" and {len(trained.classes) - 20} more" if len(trained.classes) > 20 else ""
    known = f"{classes}{more}" if classes else "names are not known"
    yield f"- {trained.geometry.classes} classes: {known}"


def _loading(spec: str, checks: Mapping[str, Parity], normalised: bool) -> Iterator[str]:
    call = '"PATH_OF_THIS_FOLDER"'
    if spec.startswith("space.py:"):
        call += ", trust_code=True"
    yield _LOADING.format(call=call)
    reading = "uint8 pixels, which are normalised inside" if normalised else "normalised images"
    for name in checks:
        if not name.endswith(".safetensors"):
            yield f"`{name}` reads {reading}: any number of them at once."


def _checks(checks: Mapping[str, Parity]) -> Iterator[str]:
    yield "Each file was read back and compared with the network in PyTorch (checks.json):\n"
    for name, parity in checks.items():
        yield f"- `{name}`: {parity}"


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.4f}" for value in values)
