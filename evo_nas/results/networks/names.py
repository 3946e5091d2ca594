"""What names of networks stand for: runs, finalists, model folders, architectures, weights."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from evo_nas.core.paths import absolute, expanded
from evo_nas.core.plugins.trusted_code import ALLOW, check_known, is_trusting
from evo_nas.errors import CheckpointError, SettingsError, SpecError, shell_word
from evo_nas.results.hub.address import located as path_of
from evo_nas.results.hub.address import title
from evo_nas.search.architectures import find_architecture
from evo_nas.search.run_folder import CONFIG, FINALISTS, WEIGHTS
from evo_nas.space.architecture import ARCHITECTURE, BEST, Architecture, read_architecture
from evo_nas.training.space_files import code_in, located
from evo_nas.training.weights import read_description, read_metadata

MODEL = "model.safetensors"  # of a model folder


@dataclass(frozen=True, slots=True)
class Named:
    """What a name stands for: an architecture, and the file of its weights.

    ``record`` is what a run wrote of it with these weights: its best.json, or a finalist's file.
    ``origin`` tells of weights that say nothing of themselves: a run, a model folder, weights of
    evo-nas or an architecture file that they were made from.
    """

    architecture: Architecture
    weights: Path
    record: Path | None = None
    origin: Path | None = None

    @property
    def run(self) -> Path | None:
        """The run that the weights are of."""
        if self.record is None:
            return None
        folder = self.record.parent
        return folder.parent if folder.name == FINALISTS else folder


def find_network(what: str, weights: Path | None) -> Named:
    """What a name stands for; ``weights`` are others than its own."""
    path = path_of(what)
    own = (BEST,) if weights else (BEST, WEIGHTS)
    if path.name in own and os.path.isfile(path) and (path.parent / CONFIG).is_file():
        path = absolute(path).parent  # the run's name, also if it was named from within its folder
    if os.path.isfile(path / ARCHITECTURE):
        return Named(_in_folder(path), weights or path / MODEL, None, path)
    if os.path.isdir(path):  # never raises, as of a name that is too long
        record = None if weights else path / BEST
        return Named(find_architecture(str(path)), weights or path / WEIGHTS, record, path)
    if os.path.isfile(path) and path.suffix == ".safetensors":
        return Named(_of_weights(path), weights or path, None, path)
    if weights is None and not os.path.isfile(path) and "=" in what:
        name, _, file = what.rpartition("=")
        return find_network(name, expanded(file))
    architecture = find_architecture(what)
    run = absolute(path).parent.parent
    is_finalist = path.parent.name == FINALISTS and (run / CONFIG).is_file()
    if weights is not None:
        return Named(architecture, weights, None, run if is_finalist else path)
    if is_finalist:
        named = replace(architecture, name=f"{run.name}-finalist-{path.stem}")
        return Named(named, _weights_of_finalist(run, architecture), absolute(path), run)
    raise SettingsError(
        f"{what} has no weights: name a run, or ARCHITECTURE=WEIGHTS (or --weights FILE); "
        f"evo-nas train {shell_word(what)} makes some"
    )


def _weights_of_finalist(run: Path, architecture: Architecture) -> Path:
    """What a retraining left of the genome; of several stages, the last."""
    genome = " ".join(map(str, architecture.genome))
    files = sorted(run.glob("checkpoints/*/finalists/*.safetensors"))
    found = [file for file in files if read_metadata(file).get("genome") == genome]
    if not found:
        raise CheckpointError(f"{run} keeps no weights of the finalist {architecture.name}")
    return found[-1]


def find_untrained(what: str) -> Architecture:
    """The architecture that a name stands for, without its weights."""
    path = path_of(what)
    if os.path.isfile(path / ARCHITECTURE):
        return _in_folder(path)
    if os.path.isfile(path) and path.suffix == ".safetensors":
        return _of_weights(path)
    return find_architecture(what)


def _in_folder(folder: Path) -> Architecture:
    """The architecture of a model folder; code that has come with it must be trusted."""
    path = folder / ARCHITECTURE
    architecture = read_architecture(path, known_code=False)
    spec, code = located(architecture.space, folder), code_in(architecture.space, folder)
    if code is None:
        check_known([architecture.space], path, trusting=False)  # the folder's own code is meant
    elif not is_trusting():
        raise SpecError(
            f"the space of {folder} is code, {code.name}, which loading runs: read it, and if "
            f"you trust it, load with trust_code=True, or put {ALLOW}=1 before the command"
        )
    return replace(architecture, name=title(folder), space=spec)


def _of_weights(path: Path) -> Architecture:
    """The architecture that weights of evo-nas tell."""
    about = read_description(path)
    if about is None:
        raise SettingsError(f"{path} does not say of which network it is; give ARCHITECTURE=")
    check_known([about.space], path)
    return Architecture(path.stem, about.space, about.genome)
