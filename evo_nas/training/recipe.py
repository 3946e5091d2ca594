"""Training recipes: readable TOML files, shipped ones by name, a user's own by path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from importlib import resources
from typing import Any

from evo_nas.core.validation import home_expanded, parse_toml, read_text, shown
from evo_nas.errors import RecipeError, nearest, plain

OPTIMIZERS = ("adamw", "sgd")
OTHER_NAMES = {"deit": "paper"}  # the paper retrains its networks as DeiT's are trained


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How training images are changed, batch by batch; each default changes nothing.

    ``crop_scale`` is the smallest share of an image that a random resized crop keeps, and
    ``horizontal_flip`` a probability. Each image goes through ``randaugment_operations`` operations
    at a magnitude of up to 30 (see :mod:`evo_nas.training.randaugment`); ``random_erasing`` is the
    probability that a box of an image becomes noise. ``mixup`` and ``cutmix`` are the alphas of
    their Beta distributions; where both are above 0, each batch takes one of them, evenly.
    """

    crop_scale: float = 1.0
    horizontal_flip: float = 0.0
    randaugment_operations: int = 0
    randaugment_magnitude: float = 27.0
    randaugment_deviation: float = 0.0
    random_erasing: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0


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
    """

    optimizer: str
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    momentum: float = 0.9
    warmup: float = 0.0
    label_smoothing: float = 0.0
    warmup_start: float = 0.0
    learning_rate_floor: float = 0.0
    gradient_clip: float = 0.0
    stochastic_depth: float = 0.0
    weight_average: float = 0.0
    repeated_augmentation: int = 1
    augmentation: Augmentation = Augmentation()

    @property
    def values(self) -> dict[str, object]:
        """What a checkpoint says of its training, by name."""
        augmentation = _identifying(self.augmentation, _AUGMENTATION)
        return _identifying(self, _PHASE) | {"augmentation": augmentation}

    @property
    def identity(self) -> str:
        """What weights say of their training: its values but those that are off."""
        values = {name: value for name, value in self.values.items() if value != _PHASE.get(name)}
        return _listed("Phase", values)


# The values that identify a training, in the order of version 0.1, with the value of what is off
# (None: it is always told). Weights and checkpoints hold them: this is frozen. What is added to a
# phase or an augmentation is told behind these where it differs from its default.
_AUGMENTATION: Mapping[str, object] = {
    "crop_scale": 1.0,
    "horizontal_flip": 0.0,
    "randaugment_operations": 0,
    "randaugment_magnitude": 27.0,
    "randaugment_deviation": 0.0,
    "random_erasing": 0.0,
    "mixup": 0.0,
    "cutmix": 0.0,
}
_PHASE: Mapping[str, object] = {
    "optimizer": None,
    "epochs": None,
    "batch_size": None,
    "learning_rate": None,
    "weight_decay": None,
    "momentum": None,
    "warmup": None,
    "label_smoothing": None,
    "warmup_start": 0.0,
    "learning_rate_floor": 0.0,
    "gradient_clip": 0.0,
    "stochastic_depth": 0.0,
    "weight_average": 0.0,
    "repeated_augmentation": 1,
    "augmentation": _AUGMENTATION,
}


def _listed(name: str, values: Mapping[str, object]) -> str:
    told = (
        f"{key}={_listed('Augmentation', value) if isinstance(value, dict) else repr(value)}"
        for key, value in values.items()
    )
    return f"{name}({', '.join(told)})"


def _identifying(of: Phase | Augmentation, frozen: Mapping[str, object]) -> dict[str, object]:
    later = {field.name: field.default for field in fields(of) if field.name not in frozen}
    values = {name: getattr(of, name) for name in (*frozen, *later)}
    return {name: v for name, v in values.items() if name in frozen or v != later[name]}


@dataclass(frozen=True, slots=True)
class Recipe:
    """``supernet`` trains shared weights, ``train`` a network from scratch.

    At most ``validation_images`` score a candidate on shared weights, with BatchNorm statistics of
    ``calibration_images`` training images.
    """

    name: str
    supernet: Phase
    train: Phase
    calibration_images: int = 128
    validation_images: int = 1_000_000


# What a number must be: whole or not, the lowest and highest value, and whether these are allowed.
_LIMITS: Mapping[str, tuple[type, float, float, str]] = {
    "epochs": (int, 1, 100_000, "a whole number, 1 to 100000"),
    "batch_size": (int, 1, 1_000_000, "a whole number, 1 to 1000000"),
    "learning_rate": (float, 1e-12, 100, "a number above 0, at most 100"),
    "weight_decay": (float, 0, 10, "a number from 0 to 10"),
    "momentum": (float, 0, 0.9999, "a number from 0 to 0.9999"),
    "warmup": (float, 0, 0.9999, "a share of all steps, from 0 to below 1"),
    "label_smoothing": (float, 0, 0.9999, "a number from 0 to below 1"),
    "warmup_start": (float, 0, 100, "a learning rate, 0 to 100"),
    "learning_rate_floor": (float, 0, 100, "a learning rate, 0 to 100"),
    "gradient_clip": (float, 0, 1e6, "the largest norm of the gradients, or 0 for no clipping"),
    "stochastic_depth": (float, 0, 0.9999, "a rate from 0 to below 1"),
    "weight_average": (float, 0, 0.999999999, "a decay from 0 (no average) to below 1"),
    "repeated_augmentation": (int, 1, 100, "a whole number, 1 to 100"),
    "crop_scale": (float, 1e-4, 1, "a share of an image's area, above 0, at most 1"),
    "horizontal_flip": (float, 0, 1, "a probability"),
    "randaugment_operations": (int, 0, 10, "a whole number, 0 to 10"),
    "randaugment_magnitude": (float, 0, 30, "a number from 0 to 30"),
    "randaugment_deviation": (float, 0, 30, "a number from 0 to 30"),
    "random_erasing": (float, 0, 1, "a probability"),
    "mixup": (float, 0, 100, "the alpha of a Beta distribution, or 0 for none"),
    "cutmix": (float, 0, 100, "the alpha of a Beta distribution, or 0 for none"),
    "validation_images": (int, 2, 1_000_000_000, "a whole number, 2 or more"),
    "calibration_images": (int, 1, 1_000_000, "a whole number, 1 to 1000000"),
}


def shipped_recipes() -> list[str]:
    """The names of the recipes that come with evo-nas."""
    folder = resources.files("evo_nas.training.recipes")
    names = {f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")}
    return sorted(names | OTHER_NAMES.keys())


def load_recipe(spec: str, changes: Sequence[str] = ()) -> Recipe:
    """Read a shipped recipe by its name, or a file of one's own by its path (``*.toml``).

    ``changes`` of its section ``train`` are written as there: ``augmentation.mixup=0``.

    Raises:
        RecipeError: there is no such recipe, or a key or value in it is wrong.
    """
    if spec.endswith(".toml"):
        path = home_expanded(spec, RecipeError)
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
    table = parse_toml(text, RecipeError, f"recipe {source}")
    for change in changes:
        _change(table.get("train"), change)
    return _recipe(table, name, source)


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


def check_recipe(recipe: Recipe, source: str) -> None:
    """Raise a RecipeError that names ``source`` and the key, unless all values are in range."""
    table = asdict(recipe)
    _recipe(table, table.pop("name"), source)


def _recipe(table: Mapping[str, Any], name: str, source: str) -> Recipe:
    known = ("supernet", "train", "calibration_images", "validation_images")
    _check_keys(table, known, known[:2], source, "")
    supernet, train = (_phase(table[section], source, section) for section in known[:2])
    images = {key: int(_number(table[key], key, source, "")) for key in known[2:] if key in table}
    return Recipe(name, supernet, train, **images)


def _phase(section: Any, source: str, name: str) -> Phase:
    values = _values(Phase, section, source, name)
    if values["optimizer"] not in OPTIMIZERS:
        raise RecipeError(
            f"recipe {source}: {name}.optimizer is {shown(values['optimizer'])}; "
            f"known: {', '.join(OPTIMIZERS)}"
        )
    inner = f"{name}.augmentation"
    changes = _values(Augmentation, values.pop("augmentation", {}), source, inner)
    for table, prefix in ((values, f"{name}."), (changes, f"{inner}.")):
        for key in table.keys() - {"optimizer"}:
            table[key] = _number(table[key], key, source, prefix)
    for key in ("warmup_start", "learning_rate_floor"):
        if values.get(key, 0) > values["learning_rate"]:
            raise RecipeError(
                f"recipe {source}: {name}.{key} is {shown(values[key])}, above "
                f"{name}.learning_rate; it must not be"
            )
    return Phase(**values, augmentation=Augmentation(**changes))


def _values(kind: Any, section: Any, source: str, name: str) -> dict[str, Any]:
    """A section as it stands, with its keys checked against the fields of a dataclass."""
    if not isinstance(section, dict):
        raise RecipeError(f"recipe {source}: {name} must be a section, [{name}]")
    known = [field.name for field in fields(kind)]
    required = [
        field.name
        for field in fields(kind)
        if field.default is MISSING and field.default_factory is MISSING
    ]
    _check_keys(section, known, required, source, f"{name}.")
    return dict(section)


def _check_keys(
    table: Mapping[str, Any], known: Any, required: Any, source: str, prefix: str
) -> None:
    for key in table:
        if key not in known:
            told = f"{prefix}{plain(key)}; {nearest(key, known)}"
            raise RecipeError(f"recipe {source}: unknown key {told}")
    for key in required:
        if key not in table:
            raise RecipeError(f"recipe {source}: {prefix}{key} is missing; add it")


def _number(value: Any, key: str, source: str, prefix: str) -> int | float:
    kind, low, high, rule = _LIMITS[key]
    fits = type(value) is int or (kind is float and type(value) is float)
    if not fits or not low <= value <= high:
        raise RecipeError(f"recipe {source}: {prefix}{key} is {shown(value)}, but must be {rule}")
    return kind(value)  # type: ignore[no-any-return]
