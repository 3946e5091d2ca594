"""One input of tests.hostile.fuzz: what is damaged, the command, and where that may write."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tests.kit.runs import TABLE

from .damage import damage
from .inputs import NAMES, WORDS, mutated, put
from .seeds import DIGITS, SMALL, SPACE, Seeds

POINTS = "family,name,flops,accuracy\nours,one,1.4G,0.76\nours,two,2G,77.1\n"
RECIPE = "[supernet]\n{0}[train]\n{0}".format(
    'optimizer = "sgd"\nepochs = 1\nbatch_size = 32\nlearning_rate = 0.1\nweight_decay = 0.0\n'
)
COMPARISON = 'strategies = ["random_search"]\nseeds = [0]\nprotocols = ["paper"]\njobs = 1\n[options]\nspace = "table"\nflops = "25"\n'
FLAGS = ("--flops", "--geometry", "--recipe", "--json", "--seed", "--samples", "--population",
         "--mutation-rate", "--evaluator", "--strategy", "--data", "--device", "--threads", "--tolerance",
         "--format", "--weights", "--mean", "--folder", "--dry-run", "--network", "--space")  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A command line; what it writes must be under one of ``own``.

    ``here`` is its working folder if it may write there what it names itself.
    """

    kind: str
    arguments: list[str]
    own: tuple[Path, ...] = ()
    here: Path | None = None


def of_words(folder: Path, seeds: Seeds, chance: random.Random) -> Case:
    """Command lines that nobody types."""
    command = chance.choice(("show", "space", "costs", "report", "resume", "trust", "train", "list", "run",
                             "compare", "convert", "figure", "--version", "export", "clean", "new", "check",
                             "figure features", "figure network", "figure accuracy"))  # fmt: skip
    words = [chance.choice((*WORDS, *FLAGS)) for _ in range(chance.randrange(5))]
    dry = ["--dry-run"] if command in ("run", "compare") else []
    if command == "train":
        words = ["no_network", *words]
    if command == "check":
        words = [
            chance.choice(("space", "evaluator", "strategy", "x")),
            chance.choice(WORDS),
            *words,
        ]
    return Case("words", [*command.split(), *words, *dry], (folder,), folder)


def of_text(folder: Path, seeds: Seeds, chance: random.Random) -> Case:
    """One file of text, given by its name."""
    kind = chance.choice(("architecture", "space", "table", "json table", "points", "recipe"))
    rows = [{"a": i, "flops": i, "accuracy": 0.5} for i in range(4)]
    out = folder / "made" / "out.svg"
    suffix, content, command = {
        "architecture": (".json", (seeds.run / "best.json").read_bytes(),
                         chance.choice((["show"], ["costs"], ["figure", "network", "--out", str(out)]))),
        "space": (".toml", SPACE.encode(), chance.choice((["space"], ["space"], ["check", "space"]))),
        "table": (".csv", TABLE.encode(), ["space", "table?file="]),
        "json table": (".json", json.dumps(rows, indent=1).encode(),
                       [*chance.choice((["space"], ["check", "space"])), "table?file="]),
        "points": (".csv", POINTS.encode(), ["figure", "accuracy", "--out", str(out), "--points"]),
        "recipe": (".toml", RECIPE.encode(), ["run", "--dry-run", "--space", "glit_hl", "--flops", "1.4G",
                                              "--recipe"]),
    }[kind]  # fmt: skip
    stem = folder / chance.choice(NAMES)
    path = stem.with_name(stem.name + suffix)
    where = put(path, mutated(content, chance), chance)
    last = [command.pop() + str(path)] if command[-1].endswith("=") else [str(path)]
    return Case(f"{kind}: {where}", [*command, *last], (out.parent,))


def of_run(folder: Path, seeds: Seeds, chance: random.Random) -> Case:
    """A run with a damaged file: finished, or stopped in a training or amid the search."""
    run, stopped = folder / "run", chance.random() < 0.4
    shutil.copytree(chance.choice(seeds.stopped) if stopped else seeds.run, run)
    kind = f"{'stopped' if stopped else 'run'}: {_damage_one(run, chance)}"
    out = folder / "made" / "out"
    command = chance.choice((
        ["show"], ["report"], ["resume", "--quiet"], ["figure", "accuracy", "--out", str(out)], ["show", "--json"],
        ["trust", "--genomes", "4", "--quiet"], ["clean"], ["export", "--out", str(out)],
        ["figure", "network", "--out", str(out)], ["resume", "--quiet", "--retry-failed"],
        ["costs"], ["figure", "accuracy", "--candidates", "--out", str(out)],
    ))  # fmt: skip
    if stopped and chance.random() < 0.75:
        command = ["resume", "--quiet"]
    return Case(kind, [*command, str(run)], (run, out.parent))


def of_trained(folder: Path, seeds: Seeds, chance: random.Random) -> Case:
    """A finished run with weights."""
    run = folder / "run"
    shutil.copytree(seeds.trained, run)
    kind = _damage_one(run, chance)
    weights, out = run / "best.safetensors", folder / "made" / "out"
    network = chance.choice(
        (run, weights, run / "finalists/1.json", f"{run / 'best.json'}={weights}")
    )
    figure = ["figure", "features", "--out", str(out), str(next(seeds.pictures.rglob("*.png")))]
    space = ["--space", str(seeds.space), "--flops", "100M", "--data", DIGITS, *SMALL]
    arguments = chance.choice((
        ["export", str(network), "--format", "safetensors", "--images", "4", "--out", str(out)],
        ["export", str(network), "--images", "4", "--out", str(out)],
        ["load", str(network)],
        [*figure, "--network", str(network), "--mean", "0.5", "--std", "0.5"],
        ["clean", str(run)],
        ["clean", "--shared-weights", str(run)],
        ["show", str(weights)],
        ["run", "--dry-run", *space, "--supernet", str(run), "--run-dir", str(out)],
        ["run", "--quiet", *space, "--supernet", str(run), "--run-dir", str(out), "--strategy", "spos",
         "--samples", "2", "--population", "2", "--parents", "1", "--finalists", "1",
         "--epochs", "2", "--finalist-epochs", "1"],
    ))  # fmt: skip
    return Case(f"trained: {kind}", arguments, (run, out.parent))


def of_model(folder: Path, seeds: Seeds, chance: random.Random) -> Case:
    """A model folder, loaded."""
    model = folder / "model"
    shutil.copytree(seeds.model, model)
    return Case(f"model: {_damage_one(model, chance)}", ["load", str(model)])


def of_released(folder: Path, seeds: Seeds, chance: random.Random) -> Case:
    """Weights as torch.save writes them."""
    path = folder / "weights.pth"
    shutil.copy(seeds.state_dict, path)
    kind, out = damage(path, chance), folder / "made" / "out.safetensors"
    network = str(seeds.trained / "best.json")
    return Case(f"released: {kind}", ["convert", network, str(path), str(out)], (out.parent,))


def of_pictures(folder: Path, seeds: Seeds, chance: random.Random) -> Case:
    """A folder of pictures: some broken, or no files at all, or with odd names."""
    pictures = folder / chance.choice(NAMES[:4])
    shutil.copytree(seeds.pictures, pictures)
    files = sorted(path for path in pictures.rglob("*") if path.is_file())
    for path in chance.sample(files, chance.choice((1, 1, 1, 6))):
        kind = put(path, path.read_bytes(), chance)
        if kind == "content":
            kind = damage(path, chance)
    if chance.random() < 0.2:
        path.rename(path.with_name(chance.choice(NAMES) + path.suffix))
    if chance.random() < 0.1:
        shutil.rmtree(pictures / chance.choice("abc"))
    if chance.random() < 0.1:
        (pictures / "a" / "a.png").symlink_to("/dev/zero")
    if chance.random() < 0.2:
        network, out = seeds.trained, folder / "made" / "out.png"
        figure = ["figure", "features", "--network", str(network), "--out", str(out), str(path)]
        return Case(f"picture: {kind}", figure, (out.parent,))
    return _with_images(f"pictures: {kind}", pictures, folder, seeds, chance)


def of_parquet(folder: Path, seeds: Seeds, chance: random.Random) -> Case:
    """The same in a parquet file."""
    path = folder / "train.parquet"
    shutil.copy(seeds.parquet, path)
    kind = damage(path, chance)
    return _with_images(f"parquet: {kind}", path, folder, seeds, chance)


def of_comparison(folder: Path, seeds: Seeds, chance: random.Random) -> Case:
    """The file of a comparison."""
    copy = folder / "comparison"
    copy.mkdir()
    where = put(copy / "comparison.toml", mutated(COMPARISON.encode(), chance), chance)
    return Case(f"comparison: {where}", [chance.choice(("show", "report")), str(copy)], (copy,))


def of_new(folder: Path, seeds: Seeds, chance: random.Random) -> Case:
    """Names of packages."""
    name = chance.choice((*WORDS, *NAMES, "sound_name", "class", "torch", "my_space"))
    package = folder / chance.choice(NAMES) / "package"
    kind = chance.choice(("space", "evaluator", "strategy", "", "x"))
    given = ["--folder", str(package)] if chance.random() < 0.7 else []
    return Case("new", ["new", kind, *given, "--", name], (folder,), folder)


def _damage_one(folder: Path, chance: random.Random) -> str:
    """Damage a file somewhere in a folder; which."""
    path = chance.choice(sorted(path for path in folder.rglob("*") if path.is_file()))
    name = path.name if path.name in ("supernet.safetensors", "best.safetensors") else path.suffix
    if path.suffix == ".sqlite":
        name = path.name
    if chance.random() < 0.1:
        return f"{name}, {put(path, path.read_bytes(), chance)}"
    if chance.random() < 0.1:
        path.unlink()
        return f"{name}, gone"
    return f"{name}, {damage(path, chance)}"


def _with_images(
    kind: str, images: Path, folder: Path, seeds: Seeds, chance: random.Random
) -> Case:
    options = chance.choice(("", "?stored=true&workers=0", "?skip=0.5", "?validation=0.5", "?stored=true&workers=0&skip=0.5",
                             "?image_size=8&limit=9", "?image_size=0", "?validation=1e999"))  # fmt: skip
    out, data = folder / "made" / "out", f"{quote(os.fsencode(images), safe='/ ')}{options}"
    data = chance.choice((data, f"{images}{options}"))
    space = ["--space", str(seeds.space), "--flops", "100M", *SMALL, "--run-dir", str(out)]
    training = ["--strategy", "random", "--finalists", "1", "--finalist-epochs", "1", "--quiet"]
    arguments = chance.choice((
        ["run", "--dry-run", *space, "--data", data],
        ["run", *training, *space, "--data", data],
        ["train", str(seeds.trained / "best.json"), "--geometry", "proxy,width=12", "--epochs", "1",
         "--quiet", "--out", str(out), "--data", data],
        ["export", str(seeds.trained), "--format", "safetensors", "--out", str(out), "--data", data],
    ))  # fmt: skip
    return Case(kind, arguments, (out.parent,))


# By how often; what trains takes seconds.
CASES: dict[Callable[[Path, Seeds, random.Random], Case], int] = {
    of_words: 12, of_text: 24, of_run: 32, of_trained: 14, of_model: 6, of_released: 6,
    of_pictures: 10, of_parquet: 6, of_comparison: 4, of_new: 4,
}  # fmt: skip


def case(folder: Path, seeds: Seeds, chance: random.Random) -> Case:
    """Prepare one input in ``folder``."""
    (folder / "made").mkdir()
    make = chance.choices(list(CASES), list(CASES.values()))[0]
    return make(folder, seeds, chance)
