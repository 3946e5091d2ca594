"""Training recipes: readable TOML files, shipped ones by name, a user's own by path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import resources
from typing import Annotated, Any, Literal

from pydantic import Field

from evo_nas.core.paths import expanded
from evo_nas.core.typed import typed
from evo_nas.core.validation import parse_toml, read_text
from evo_nas.errors import RecipeError, nearest

from .recipes import OTHER_NAMES, shipped_recipes

Share = Annotated[float, Field(ge=0, lt=1)]
Probability = Annotated[float, Field(ge=0, le=1)]
Magnitude = Annotated[float, Field(ge=0, le=30)]
Alpha = Annotated[float, Field(ge=0, le=100)]  # of a Beta distribution
Rate = Annotated[float, Field(ge=0, le=100)]  # of learning
Distillation = Literal["hard", "soft"]


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How training images are changed, batch by batch; each default changes nothing.

    ``crop_scale`` is the smallest share of an image that a random resized crop keeps, and
    ``horizontal_flip`` a probability. Each image goes through ``randaugment_operations`` operations
    at a magnitude of up to 30 (:mod:`~evo_nas.training.augmentation.randaugment`);
    ``random_erasing`` is the probability that a box of an image becomes noise. ``mixup`` and
    ``cutmix`` are the alphas of their Beta distributions; where both are above 0, each batch takes
    one of them, evenly.
    """

    crop_scale: Annotated[float, Field(gt=0, le=1)] = 1.0
    horizontal_flip: Probability = 0.0
    randaugment_operations: Annotated[int, Field(ge=0, le=10)] = 0
    randaugment_magnitude: Magnitude = 27.0
    randaugment_deviation: Magnitude = 0.0
    random_erasing: Probability = 0.0
    mixup: Alpha = 0.0
    cutmix: Alpha = 0.0


@dataclass(frozen=True, slots=True)
class Phase:
    """How one kind of training goes; ``learning_rate`` is for ``batch_size`` as it stands here.

    ``optimizer`` is "sgd" (Nesterov, with ``momentum``) or "adamw"; the rate rises linearly from
    ``warmup_start`` for ``warmup`` (a share of all steps) and falls to ``learning_rate_floor``
    along a cosine. What is off at 0: ``gradient_clip``, the largest norm of all gradients together;
    ``stochastic_depth``, the rate of the last block; ``weight_average``, the decay of an
    exponential moving average of the weights, which takes their place in the end. With
    ``repeated_augmentation`` an epoch has as many images as without, but so many times each, in the
    same batch.

    Each of a batch's ``shards`` is propagated by itself, and their gradients are added up in their
    order; BatchNorm sees each alone, and remembers their mean. Any number of processes may share
    them: it changes no bit on the CPU. With ``own_paths`` each shard of shared weights trains a
    path of its own, and so a step as many as it has shards.

    With a ``teacher``, the folder of a run, a model folder, weights of evo-nas or "timm:NAME", the
    loss is for a share of ``distillation_weight`` that to the teacher's logits, "hard" or "soft" at
    ``distillation_temperature`` (:mod:`evo_nas.training.teachers.distillation`), and for the rest
    that to the labels. ``teacher_digest`` tells it from others; it follows from its files.
    """

    optimizer: Literal["adamw", "sgd"]
    epochs: Annotated[int, Field(ge=1, le=100_000)]
    batch_size: Annotated[int, Field(ge=1, le=1_000_000)]
    learning_rate: Annotated[float, Field(gt=0, le=100)]
    weight_decay: Annotated[float, Field(ge=0, le=10)]
    momentum: Share = 0.9
    warmup: Share = 0.0
    label_smoothing: Share = 0.0
    warmup_start: Rate = 0.0
    learning_rate_floor: Rate = 0.0
    gradient_clip: Annotated[float, Field(ge=0, le=1e6)] = 0.0
    stochastic_depth: Share = 0.0
    weight_average: Share = 0.0
    repeated_augmentation: Annotated[int, Field(ge=1, le=100)] = 1
    shards: Annotated[int, Field(ge=1, le=1024)] = 1
    own_paths: bool = False
    teacher: str = ""
    distillation: Distillation = "hard"
    distillation_weight: Annotated[float, Field(gt=0, le=1)] = 0.5
    distillation_temperature: Annotated[float, Field(gt=0, le=100)] = 3.0
    teacher_digest: str = ""
    augmentation: Augmentation = Augmentation()

    def __post_init__(self) -> None:
        self._check_teaching()
        if self.shards > 1 and self.shards_of(self.batch_size) < self.shards:
            raise RecipeError(
                f"shards is {self.shards}, batch_size {self.batch_size}; a shard has two images at "
                f"least: give at most {self.batch_size // 2 or 1}"
            )
        if self.own_paths and self.shards == 1:
            raise RecipeError(
                "own_paths gives each shard a path of its own, and shards is 1; give more, or "
                "leave own_paths out"
            )
        for key in ("warmup_start", "learning_rate_floor"):
            if getattr(self, key) > self.learning_rate:
                raise RecipeError(
                    f"{key} is {getattr(self, key)}, above learning_rate; it must not be"
                )

    def _check_teaching(self) -> None:
        """What would have no effect is a mistake: a key of distillation, and no teacher."""
        keys = ("distillation", "distillation_weight", "distillation_temperature", "teacher_digest")
        known = {field.name: field.default for field in fields(self)}
        given = [key for key in keys if getattr(self, key) != known[key]]
        if given and not self.teacher:
            raise RecipeError(f"{given[0]} is given, and no teacher; name one, as in teacher = RUN")
        if "distillation_temperature" in given and self.distillation == "hard":
            raise RecipeError(
                'distillation_temperature is given, and distillation is "hard", which has none; '
                'leave it out, or set distillation = "soft"'
            )

    def shards_of(self, images: int) -> int:
        """The shards of a batch that may be smaller than the phase's, for want of images."""
        return min(self.shards, images // 2 or 1)

    @property
    def teaching(self) -> dict[str, str]:
        """What is told of the teacher beside a trained network; nothing without one."""
        if not self.teacher:
            return {}
        told = f"{self.distillation}, weight {self.distillation_weight:g}"
        if self.distillation == "soft":
            told += f", temperature {self.distillation_temperature:g}"
        return {
            "teacher": self.teacher,
            "teacher_digest": self.teacher_digest,
            "distillation": told,
        }

    @property
    def values(self) -> dict[str, object]:
        """What a checkpoint says of its training, by name."""
        augmentation = _identifying(self.augmentation, tuple(_AUGMENTATION))
        told = _identifying(self, (*_ALWAYS, *_OFF, "augmentation"))
        return told | {"augmentation": augmentation}

    @property
    def identity(self) -> str:
        """What weights say of their training: its values but those that are off."""
        off = {**_OFF, "augmentation": _AUGMENTATION}
        values = {name: value for name, value in self.values.items() if value != off.get(name)}
        return _listed("Phase", values)


# What identifies a training, in the order of version 0.1: weights and checkpoints hold it, so this
# is frozen. What is added to a phase or an augmentation later is told behind it where it is on.
_ALWAYS = (
    "optimizer", "epochs", "batch_size", "learning_rate", "weight_decay", "momentum", "warmup",
    "label_smoothing",
)  # fmt: skip
_OFF: Mapping[str, object] = {
    "warmup_start": 0.0, "learning_rate_floor": 0.0, "gradient_clip": 0.0, "stochastic_depth": 0.0,
    "weight_average": 0.0, "repeated_augmentation": 1,
}  # fmt: skip
_AUGMENTATION: Mapping[str, object] = {
    "crop_scale": 1.0, "horizontal_flip": 0.0, "randaugment_operations": 0,
    "randaugment_magnitude": 27.0, "randaugment_deviation": 0.0, "random_erasing": 0.0,
    "mixup": 0.0, "cutmix": 0.0,
}  # fmt: skip


_UNTOLD = ("teacher",)  # wherever it lies: its digest is told


def _identifying(of: Phase | Augmentation, frozen: Sequence[str]) -> dict[str, object]:
    known = {field.name: field.default for field in fields(of)}
    later = known.keys() - {*frozen, *_UNTOLD}
    on = [name for name in later if getattr(of, name) != known[name]]
    return {name: getattr(of, name) for name in (*frozen, *sorted(on))}


def _listed(name: str, values: Mapping[str, object]) -> str:
    told = (
        f"{key}={_listed('Augmentation', value) if isinstance(value, dict) else repr(value)}"
        for key, value in values.items()
    )
    return f"{name}({', '.join(told)})"


@dataclass(frozen=True, slots=True)
class Recipe:
    """``supernet`` trains shared weights, ``train`` a network from scratch.

    With ``finetune`` finalists start from their shared weights, where there are some, and train by
    it; without, they do so only where a run asks for it, and train by ``train``.
    At most ``validation_images`` score a candidate on shared weights, with BatchNorm statistics of
    ``calibration_images`` training images. ``sharing`` is how networks share weights in spaces that
    know both ways: equal parts are one module, or all are slices of the largest. Candidates
    ``rank`` by their accuracy there, or by their loss. Of finalists one in ``halving`` goes on from
    each rung of its training.

    A step of shared weights trains one path, drawn from all that a stage searches ("prior") or from
    what the limits admit of it ("budget"). With ``sandwich`` it trains so many: the one with most
    FLOPs, that with fewest, and others drawn, all of which learn from what the first says.
    """

    name: str
    supernet: Phase
    train: Phase
    calibration_images: Annotated[int, Field(ge=1, le=1_000_000)] = 128
    validation_images: Annotated[int, Field(ge=2, le=1_000_000_000)] = 1_000_000
    sharing: Literal["separate", "entangled"] = "separate"
    finetune: Phase | None = None
    paths: Literal["prior", "budget"] = "prior"
    sandwich: Annotated[int, Field(ge=0, le=100)] = 0
    rank: Literal["accuracy", "loss"] = "accuracy"
    halving: Annotated[int, Field(ge=1, le=1_000_000)] = 1

    def __post_init__(self) -> None:
        if self.sandwich == 1:
            raise RecipeError(
                "sandwich is 1; its paths are the largest, the smallest and drawn ones: give 2 or "
                "more, or 0 for one path a step"
            )
        if self.sandwich and self.supernet.own_paths:
            raise RecipeError(
                f"sandwich is {self.sandwich}, whose paths all see the same images, and own_paths "
                "gives each shard another path; choose one"
            )
        for section in ("train", "finetune"):
            phase = getattr(self, section)
            if phase is not None and phase.own_paths:
                raise RecipeError(
                    f"{section}.own_paths is for shared weights, and this trains one network; "
                    "leave it out"
                )

    def retraining(self, inherit: bool) -> Phase:
        """How finalists train: on from shared weights, or from scratch."""
        return self.finetune if inherit and self.finetune is not None else self.train


def load_recipe(spec: str, changes: Sequence[str] = ()) -> Recipe:
    """Read a shipped recipe by its name, or a file of one's own by its path (``*.toml``).

    A run's config.toml is one, too: its section ``recipe`` is meant, with the name there.
    ``changes`` of its section ``train`` are written as there: ``augmentation.mixup=0``.

    Raises:
        RecipeError: there is no such recipe, or a key or value in it is wrong.
    """
    if spec.endswith(".toml"):
        path = expanded(spec)
        name, source = path.stem, str(path)
        text = read_text(path, RecipeError, "recipe")
    elif spec in shipped_recipes():
        name = OTHER_NAMES.get(spec, spec)
        source = f"{name}.toml"
        text = (resources.files("evo_nas.training.recipes") / source).read_text(encoding="utf-8")
    else:
        raise RecipeError(
            f"there is no recipe {spec!r}; {nearest(spec, shipped_recipes())} "
            "A file of your own is given by its path, which ends in .toml"
        )
    source = f"recipe {source}"
    table = parse_toml(text, RecipeError, source)
    if isinstance(section := table.get("recipe"), dict):
        table, name, source = section, section.pop("name", name), f"{source}: recipe"
    for change in changes:
        _change(table.get("train"), change)
    if "name" in table:
        raise RecipeError(f"{source}: unknown key name; a recipe is called as its file")
    return typed(Recipe, {**table, "name": name}, source, RecipeError)


def _change(section: Any, change: str) -> None:
    """Set a key of a section, or of a section in it."""
    key, sign, text = change.partition("=")
    if not sign:
        raise RecipeError(f"change {change!r} of the recipe must be written as key=value")
    try:
        value = parse_toml(f"value = {text}", RecipeError, key)["value"]
    except RecipeError:
        value = text.strip()  # a word, for which TOML wants quotes
    *inner, last = (name.strip() for name in key.split("."))
    for name in inner:
        section = section.setdefault(name, {}) if isinstance(section, dict) else None
    if not isinstance(section, dict):
        raise RecipeError(f"change {change!r}: the recipe has no section for this key")
    section[last] = value
