"""Names and values that say what a run found, for people."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evo_nas.core.console import duration
from evo_nas.core.plugins import registry
from evo_nas.data.inventory import Inventory, named_classes
from evo_nas.errors import plain, shell_word
from evo_nas.evaluation.final_test.confusion import Confusion
from evo_nas.sampling.limits import describe_value, parse_limit
from evo_nas.search.config import Config
from evo_nas.search.course.standing import Standing
from evo_nas.space.space import Geometry
from evo_nas.strategies.base import GIVEN, IMPORTED

from .tables import Facts, Table

if TYPE_CHECKING:
    from .result import Result

_OTHERS = ("test_", "second_")  # measured when all was decided, or of another network
SHOWN = 8  # classes and kinds of files, at most, that are listed one by one


def result_facts(result: Result) -> Facts:
    """A run at a glance: where it is, what it found or how to go on, and what it took."""
    facts = [("folder", str(result.folder))]
    if result.best is None:
        facts.append(("not finished", f"evo-nas resume {shell_word(result.folder)}"))
    else:
        target = result.best["target"]
        facts += [("FLOPs", f"{target['flops']:,}"), ("parameters", f"{target['params']:,}")]
        facts += measured_facts(result.best["measured"])
    spent = duration(sum(result.spent.values()))
    return [*facts, ("evaluations", f"{len(result.evaluations):,}"), ("time", spent)]


def best_facts(best: Mapping[str, Any], config: Config, facts: Mapping[str, Any]) -> Facts:
    """What was measured of the best network, under what, and how it and the draws met limits.

    ``facts`` are those of its run.
    """
    under, rejected = best.get("measured_under", {}), facts.get("rejected")
    asked = (("scores", config.evaluator), ("finalists", config.retrainer))
    return [
        *measured_facts(best["measured"]),
        *confusion_facts(facts.get("confusions") or {}),
        *(inventory_facts(images) if (images := facts.get("inventory")) else []),
        *((f"{what} measured", under[spec]) for what, spec in asked if spec in under),
        *_limited(best.get("limits", {}), under),
        *((f"{stage} draws", _draws(tally)) for stage, tally in (rejected or {}).items()),
    ]


def given_text(given: int, imported: int) -> str:
    """How many networks of a user's a search begins with; "" without any."""
    told = [f"{given:,} given"] * bool(given)
    told += [f"{imported:,} with scores that were known"] * bool(imported)
    return f"networks: {', '.join(told)}" if told else ""


def stage_facts(result: Result, stage: str) -> Facts:
    """What a search began with, why it ended early, and what its strategy found out."""
    ending, found = result.ending(stage), result.findings(stage)
    origins = Counter(e.origin for e in result.of(stage, "search"))
    begun = given_text(origins[GIVEN], origins[IMPORTED])
    told = [("began with", begun)] if begun else []
    if ending and ending.why != "samples":
        told.append(("search", result.config.rules.tell(ending)))
    return told + [(k, v if isinstance(v, str) else f"{v:.4g}") for k, v in found.items()]


def measured_facts(measured: Mapping[str, object]) -> Facts:
    """What best.json says was measured."""
    on_images = any(name.startswith("validation_") for name in measured)
    source, kind = ("on", "validation_") if on_images else ("by", "")
    rows = [(f"measured {source}", str(measured.get("data" if on_images else "by", "")))]
    accuracy, error = measured.get(f"{kind}accuracy"), measured.get(f"{kind}standard_error")
    if isinstance(accuracy, float):
        uncertainty = f" ± {error:.4f} (standard error)" if isinstance(error, float) else ""
        rows.append((f"{kind}accuracy".replace("_", " "), f"{accuracy:.4f}{uncertainty}"))
    else:
        rows += [(name, f"{value:.4f}") for name, value in scores(measured)]
    second = measured.get("second_accuracy")
    if isinstance(second, float):
        verdict = "separated" if measured.get("separated_from_second") else "not separated"
        rows.append(
            ("second finalist", f"{second:.4f}: {verdict} from the best by two standard errors")
        )
    test, error = measured.get("test_accuracy"), measured.get("test_standard_error")
    if isinstance(test, float) and isinstance(error, float):
        rows.append(("test accuracy", f"{test:.4f} ± {error:.4f}"))
    if "teacher" in measured:
        told = f"{measured['teacher']}; distillation: {measured.get('distillation')}"
        rows.append(("teacher", told))
    if "test_failure" in measured:
        rows.append(("test accuracy", f"not measured: {measured['test_failure']}"))
    return rows


def standing_facts(standing: Standing) -> Facts:
    """Who is at work in a folder, at what, and how long that phase goes on."""
    since = duration(max(time.time() - standing.holder.since, 0.0))
    rows = [("at work", f"{standing.holder}, for {since}")]
    if phase := standing.phase:
        rows.append(("phase", f"{plain(phase.what)}: {phase.told}"))
        if phase.note:
            rows.append(("latest", plain(phase.note)))
        if phase.left is not None:
            rows.append(("time left", f"about {duration(phase.left)} of this phase"))
    return rows


def is_trained(best: Mapping[str, Any]) -> bool:
    """Whether there are weights of the best network."""
    return bool({"test_accuracy", "test_failure"} & best["measured"].keys())


def delivered_table(best: Mapping[str, Any]) -> Table | None:
    """What the delivered weights are, beside the same genome at the target; None without weights.

    Version 0.1.0 kept of their network the geometry alone.
    """
    measured, target = best["measured"], best["target"]
    if not is_trained(best) or "geometry" not in measured:
        return None
    rows = [
        _costs("these weights", measured["geometry"], measured.get("delivered", {})),
        _costs("at the target", target["geometry"], target),
    ]
    return Table(("network", ">parameters", ">FLOPs", "geometry"), rows, "What was trained")


def _costs(name: str, geometry: Mapping[str, int], costs: Mapping[str, Any]) -> tuple[str, ...]:
    counted = (f"{costs[key]:,}" if key in costs else "-" for key in ("params", "flops"))
    return (name, *counted, str(Geometry(**geometry)))


def confusion_facts(confusions: Mapping[str, Confusion]) -> Facts:
    """What was recognised class by class, in a line or two for each split."""
    rows = []
    for split, told in confusions.items():
        balanced, known = f"balanced accuracy {told.balanced_accuracy:.4f}", told.by_recall
        worst = ", ".join(
            f"{plain(n)} {recall:.2f} (of {count:,})" for n, recall, count in known[:3]
        )
        rows.append((f"{split} by class", f"{balanced}; lowest recall: {worst}"))
        if told.confused:
            named = (f"{plain(a)} as {plain(b)} ({count:,})" for a, b, count in told.confused[:3])
            rows.append((f"{split} mistakes", f"most often {', '.join(named)}"))
        if told.missing:
            rows.append((f"{split} lacks", f"images of {named_classes(told.missing)}"))
    return rows


def scores(measured: Mapping[str, object]) -> list[tuple[str, float]]:
    """The metrics by which the best was judged, by names for people, accuracy first."""
    own = {n: v for n, v in measured.items() if isinstance(v, float) and not n.startswith(_OTHERS)}
    first = [name for name in own if name.removeprefix("validation_") == "accuracy"]
    return [(name.replace("_", " "), own[name]) for name in dict.fromkeys([*first, *own])]


def _limited(limits: Mapping[str, float], under: Mapping[str, str]) -> Facts:
    """What the network has of each limited metric."""
    return [
        (
            registry.short(text),
            describe_value(parse_limit(text, kept=True).metric, value)
            + (f", measured {under[text]}" if under.get(text) else ""),
        )
        for text, value in limits.items()
    ]


def _draws(tally: Mapping[str, int]) -> str:
    """How many draws of a stage were looked at, and which limits rejected how many."""
    counts = dict(tally)
    looked = counts.pop("looked at")
    told = [f"{registry.short(name)}: {count:,}" for name, count in counts.items() if count]
    rejected = f"rejected by {', '.join(told)}" if told else "none rejected"
    return f"{looked:,} looked at within the exact limit; {rejected}"


def inventory_facts(inventory: Inventory) -> Facts:
    """A line each for classes, splits and what is left out, and one for each note."""
    if not inventory.splits:
        return []
    splits = (
        f"{split.name} {len(split):,}{f' ({plain(split.source)})' if split.source else ''}"
        for split in inventory.splits
    )
    rows = [("classes", _classes(inventory)), ("splits", "; ".join(splits))]
    if inventory.left_out:
        by_count = sorted(inventory.left_out.items(), key=lambda each: -each[1])
        told = [f"{count:,} {kind}" for kind, count in by_count[:SHOWN]]
        more = sum(count for _, count in by_count[SHOWN:])
        rows.append(("left out", ", ".join([*told, f"{more:,} others"] if more else told)))
    return rows + [("note", note) for note in inventory.notes]


def _classes(inventory: Inventory) -> str:
    """How many, their images in all splits, and the share of the largest."""
    counts, number = inventory.counts, len(inventory.classes)
    largest, share = inventory.largest
    if number <= SHOWN:
        listed = zip(inventory.classes, counts, strict=True)
        told = ": " + ", ".join(f"{plain(name)} {count:,}" for name, count in listed)
    else:
        told = f" of {min(counts):,} to {max(counts):,} images"
    return f"{number:,}{told}; {plain(largest)} is {share:.1%} of all"
