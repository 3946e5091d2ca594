"""Weights as others save them: wrapped in a dict, under longer names, for other classes.

``DataParallel``, ``torch.compile``, FSDP and Lightning put a word of theirs before, or into, the
names of a network's weights; training scripts keep weights under a key among other things.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from evo_nas.core.validation import shown
from evo_nas.errors import CheckpointError

# Where weights are kept, and those of their moving average.
_KEYS = ("state_dict", "model", "model_state_dict", "state_dict_ema", "model_ema")
_WRAPPERS = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
_COUNTS = "num_batches_tracked"  # of batch norms, which use it where they have no momentum
_AVERAGED = "n_averaged"  # what torch.optim.swa_utils.AveragedModel counts
INDEX = ".index.json"  # what Hugging Face calls the list of weights in several files


def state_dict_in(content: object, source: str) -> dict[str, Tensor]:
    """The weights in what a file holds; ``source`` is its name in messages.

    Raises:
        CheckpointError: it holds none, several, or other things among them.
    """
    if not isinstance(content, Mapping) or not content:
        raise CheckpointError(f"{source} holds no weights by name")
    inner: dict[str, Any] = {k: content[k] for k in _KEYS if isinstance(content.get(k), Mapping)}
    if not inner:
        inner = {name: value for name, value in content.items() if _is_state_dict(value)}
    if len(inner) > 1:
        raise CheckpointError(
            f"{source} holds weights several times, as {' and '.join(map(shown, inner))}; save "
            "those that are meant alone"
        )
    if inner:
        return state_dict_in(next(iter(inner.values())), source)
    for name, tensor in content.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise CheckpointError(
                f"{source}: {shown(name)} is {type(tensor).__name__}, not a weight"
            )
    return dict(content)


def parts_of(index: Path) -> list[Path]:
    """The files beside an index in which the weights lie that it names.

    Raises:
        CheckpointError: it is no index, or a file is missing.
    """
    try:
        content = json.loads(index.read_bytes())
        names = sorted({str(name) for name in content["weight_map"].values()})
    except (OSError, ValueError, RecursionError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(f"{index} is no index of files of weights: {error!r}") from error
    for name in names:
        if Path(name).name != name or name.endswith(INDEX) or not index.with_name(name).is_file():
            raise CheckpointError(
                f"{index} names weights in {shown(name)}, and there is no such file beside it; "
                "bring all of its files"
            )
    return [index.with_name(name) for name in names]


def _is_state_dict(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(each, Tensor) for each in value.values())
    )


def named_for(network: nn.Module, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights under the network's own names, as far as they can be told to be its."""
    own = network.state_dict()
    if own.keys() == weights.keys():
        return dict(weights)
    found = _without_wrappers(own.keys(), weights)
    while own.keys().isdisjoint(found):
        first = {name.partition(".")[0] for name in found}
        shorter = {name.partition(".")[2]: tensor for name, tensor in found.items()}
        if len(first) != 1 or "" in shorter:
            break
        found = shorter
    counts = {name: count for name, count in own.items() if name.endswith(_COUNTS)}
    return counts | found  # PyTorch before 0.4.1 kept none


def _without_wrappers(own: Any, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights without what wrappers have put into their names, unless the network has it."""
    words = _WRAPPERS - {word for name in own for word in name.split(".")}
    found = {
        ".".join(word for word in name.split(".") if word not in words): tensor
        for name, tensor in weights.items()
        if name != _AVERAGED
    }
    return found if len(found) >= len(weights.keys() - {_AVERAGED}) else dict(weights)


def classes_of(network: nn.Module, weights: Mapping[str, Tensor], classes: int) -> int:
    """For how many classes the weights are, where nothing else tells them from the network's.

    Args:
        network: one for so many ``classes``, which is the answer in all other cases.
        weights: by the network's names.
    """
    own = network.state_dict()
    shapes = [(own[name].shape, tensor.shape) for name, tensor in weights.items() if name in own]
    different = [(mine, given) for mine, given in shapes if mine != given]
    sizes = {(mine[:1], given[:1]) for mine, given in different if mine[1:] == given[1:]}
    rest = [1 for mine, given in different if mine[1:] != given[1:]]
    if rest or len(sizes) != 1:
        return classes
    ((mine, given),) = sizes
    return given[0] if mine == (classes,) and given and given[0] else classes


def is_headless(network: nn.Module, weights: Mapping[str, Tensor]) -> bool:
    """Whether the weights lack all of the network's classifier, and nothing else."""
    classifier = getattr(network, "classifier", None)
    lacking = network.state_dict().keys() - weights.keys()
    return bool(lacking) and all(name.startswith(f"{classifier}.") for name in lacking)


def check_weights(network: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Check that these are weights for this network; ``source`` is where they are from."""
    known = network.state_dict()
    for name, own in known.items():
        if name not in weights:
            raise CheckpointError(f"{source} lacks {name}, which the network has")
        given = weights[name]
        if given.shape != own.shape:
            raise CheckpointError(
                f"{source}: {name} is {tuple(given.shape)}, the network's is {tuple(own.shape)}"
            )
        if given.is_floating_point() != own.is_floating_point():
            raise CheckpointError(f"{source}: {name} is {given.dtype}, the network's {own.dtype}")
    if more := [name for name in weights if name not in known]:
        raise CheckpointError(f"{source} has {more[0]}, which the network lacks")
