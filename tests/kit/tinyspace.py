"""A space of two layers, with networks that train in milliseconds."""

from functools import partial

import torch
from torch import nn

from evo_nas.core.plugins import registry
from evo_nas.core.progress import Silent
from evo_nas.core.streams import Streams
from evo_nas.data.images import Images
from evo_nas.data.source import SearchData, search_data
from evo_nas.evaluation.evaluator import EvaluationContext
from evo_nas.space.space import Choice, Geometry, Space
from evo_nas.space.supernet import Step, Supernet
from evo_nas.training.recipe import Phase, Recipe

WIDTHS = (4, 8, 16)
SLOTS = ("first", "second")
GEOMETRY = Geometry(image_size=4, channels=1, classes=3, width=8)


class Layer(nn.Module):
    """Residual; with dropout, so that tests notice a random stream that is not the training's."""

    def __init__(self, width, inner):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(width, inner), nn.BatchNorm1d(inner), nn.ReLU(), nn.Dropout(0.1),
            nn.Linear(inner, width),
        )  # fmt: skip

    def forward(self, hidden):
        return hidden + self.net(hidden)


def stem(geometry):
    pixels = geometry.channels * geometry.image_size**2
    return nn.Sequential(nn.Flatten(), nn.Linear(pixels, geometry.width))


class TinySupernet(Supernet):
    def __init__(self, geometry):
        super().__init__()
        self.stem, self.head = stem(geometry), nn.Linear(geometry.width, geometry.classes)
        self.layers = nn.ModuleDict(
            {f"{slot}{inner}": Layer(geometry.width, inner) for slot in SLOTS for inner in WIDTHS}
        )

    def names(self, genome):
        return [f"{slot}{WIDTHS[gene]}" for slot, gene in zip(SLOTS, genome, strict=True)]

    def steps(self, genome):
        layers = [(name, self.layers[name]) for name in self.names(genome)]
        middle = [Step(name, layer, (layer.net[1],)) for name, layer in layers]
        return [Step("stem", self.stem), *middle, Step("head", self.head)]

    def extract(self, genome):
        modules = [self.stem, *(self.layers[name] for name in self.names(genome)), self.head]
        return dict(nn.Sequential(*modules).state_dict())


class TinySpace(Space):
    name = "tiny"
    choices = tuple(Choice(f"{slot}.inner", WIDTHS, slot=slot) for slot in SLOTS)
    target = GEOMETRY

    def build(self, genome, geometry):
        layers = [Layer(geometry.width, WIDTHS[gene]) for gene in genome]
        return nn.Sequential(stem(geometry), *layers, nn.Linear(geometry.width, geometry.classes))

    def supernet(self, geometry, reachable=None):
        return TinySupernet(geometry)


def images(count, seed):
    """Three classes that differ in brightness."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    noise = torch.randint(0, 120, (count, 1, 4, 4), generator=generator)
    return Images((noise + 40 * labels.view(-1, 1, 1, 1)).to(torch.uint8), labels)


def tiny_data() -> SearchData:
    return search_data("tiny", images(96, 0), images(60, 1), "abc", range(60))


def tiny_context(folder, **changes) -> EvaluationContext:
    phase = partial(Phase, epochs=2, batch_size=16, weight_decay=0.01, label_smoothing=0.1)
    recipe = Recipe(
        "tiny",
        phase(optimizer="adamw", learning_rate=5e-3, warmup=0.1),
        phase(optimizer="sgd", learning_rate=0.05),
        calibration_images=32,
    )
    settings = {
        "streams": Streams(3), "folder": folder, "geometry": GEOMETRY, "data": tiny_data(),
        "recipe": recipe, "epochs": 2,
    }  # fmt: skip
    return EvaluationContext(**settings | changes)


def opened(folder, spec="supernet", space=None, **changes):
    """An evaluator at work in a folder, with changes of its context."""
    evaluator = registry.load("evaluator", spec)
    evaluator.open(space or TinySpace(), tiny_context(folder, **changes))
    return evaluator


class Stopping(Silent):
    """Stops the training when so many epochs are done."""

    def __init__(self, after):
        self.after = after

    def advance(self, done, note=""):
        if done == self.after:
            raise KeyboardInterrupt
