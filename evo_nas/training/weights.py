"""Files of weights: safetensors with a digest, what they say of their training, those of others."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field, TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from evo_nas.core.files import refusal, write_atomically
from evo_nas.core.validation import check_regular, shown
from evo_nas.data.format import Reading
from evo_nas.data.preprocessing import Preprocessing
from evo_nas.errors import CheckpointError, EvoNasError
from evo_nas.space.space import Genome, Geometry

from .checkpoints import MAGIC, remove_checkpoint
from .weight_names import INDEX, check_weights, named_for, parts_of, state_dict_in

_DIGEST = "sha256"  # the key in the metadata of weights
SUFFIX = ".safetensors"  # of the files that are written
_AGAIN = "delete the file, and the run repeats that training from its start"
_BACK = "bring back what was written"
# What a folder of Hugging Face's, ours, or a run's calls its weights.
_IN_FOLDERS = (
    "model.safetensors", "pytorch_model.bin", "best.safetensors",
    f"model.safetensors{INDEX}", f"pytorch_model.bin{INDEX}",
)  # fmt: skip
Count = Annotated[int, Field(ge=0, lt=2**63)]
Channels = tuple[Annotated[float, Field(ge=0, le=1)], ...]


def save_weights(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write tensors by name as a safetensors file."""
    copies = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    told = dict(metadata or {})
    content = save(copies, told | {_DIGEST: state_digest(copies, told)})
    write_atomically(path, _in_order(content))


def _in_order(content: bytes) -> bytes:
    """A safetensors file with its header in order: equal weights are then equal files."""
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:start]), separators=(",", ":"), sort_keys=True)
    padded = header.encode() + b" " * (-len(header.encode()) % 8)
    return len(padded).to_bytes(8, "little") + padded + content[start:]


def load_weights(path: Path, expected: Mapping[str, str] | None = None) -> dict[str, Tensor] | None:
    """Tensors by name, on the CPU; None if there is no such file.

    Raises:
        CheckpointError: the file is damaged, or its metadata differ from what is ``expected``.
    """
    if not path.exists():
        return None
    check_regular(path, CheckpointError, "weights")
    with _explained(path, _AGAIN):
        metadata = _metadata(path)
        tensors = load_file(path)
    _check_digest(path, tensors, metadata, _AGAIN)
    for key, value in (expected or {}).items():
        if metadata.get(key) != value:
            raise CheckpointError(
                f"weights {path} belong to another training: {key} is {shown(metadata.get(key))} "
                f"there, {value!r} here; delete the file to train anew"
            )
    return tensors


def _check_digest(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str], advice: str
) -> None:
    """Check that these are the tensors that were written to ``path``, with its ``metadata``."""
    told = dict(metadata)
    digest = told.pop(_DIGEST, None)
    if digest is not None and digest != state_digest(tensors, told):
        raise _damaged(path, "their contents are not what was written", advice)


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata of a file of weights; only safetensors have some."""
    check_regular(path, CheckpointError, "weights")
    with _explained(path, _BACK):
        return _metadata(path) if _is_safetensors(path) else {}


def _metadata(path: Path) -> dict[str, str]:
    with safe_open(path, framework="pt") as file:
        return file.metadata() or {}


def _is_safetensors(path: Path) -> bool:
    """Whether a file is one by what it holds, or is called one and holds nothing else."""
    head = _head(path)
    if int.from_bytes(head[:8], "little") < path.stat().st_size and head[8:] == b"{":
        return True  # before all else: a header of 640 bytes begins as a pickle does
    return path.suffix == SUFFIX and not head.startswith((b"PK\x03\x04", b"\x80\x02", MAGIC))


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(9)


@contextmanager
def _explained(path: Path, advice: str) -> Iterator[None]:
    try:
        yield
    except EvoNasError:
        raise
    except (SafetensorError, RuntimeError, TypeError, ValueError, OSError) as error:
        raise _damaged(path, str(error), advice) from error


def _damaged(path: Path, reason: str, advice: str) -> CheckpointError:
    return CheckpointError(f"weights {path} are damaged ({reason}); {advice}")


def state_digest(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """The SHA-256 of tensors and their metadata, in the order of names."""
    digest = hashlib.sha256(json.dumps(sorted(metadata.items())).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Delivered:
    """A trained network: its genome in the space of a spec, its geometry, its images' statistics.

    ``mean`` and ``std`` are by channel, in 0..1; ``classes`` are names, none if they are unknown.
    ``reading`` is how pictures became pixels, which 0.1.0 did not write down.
    """

    space: str
    genome: Genome
    geometry: Geometry
    mean: Channels
    std: Channels
    classes: tuple[str, ...] = ()
    reading: Reading = "unknown"

    @property
    def preprocessing(self) -> Preprocessing:
        """From pictures to what the network reads."""
        shape = self.geometry.image_size, self.geometry.channels
        return Preprocessing(*shape, self.mean, self.std, self.reading)


def describe_weights(about: Delivered) -> dict[str, str]:
    """The metadata of a file of weights."""
    # One entry: several have no fixed order, and equal runs should be equal bytes.
    return {"architecture": json.dumps(asdict(about))}


def read_description(path: Path) -> Delivered | None:
    """The metadata of :func:`describe_weights`; None without them."""
    if not path.exists():
        raise CheckpointError(f"there are no weights {path}")
    about: Delivered | None = read_told(path, "architecture", Delivered | None, "null")
    return about


def read_told(path: Path, key: str, kind: Any, default: str | None = None) -> Any:
    """What the metadata of a file of weights say of ``key``, as JSON of a type."""
    text = read_metadata(path).get(key, default)
    try:
        return TypeAdapter(kind).validate_json(text or "", strict=True)
    except ValidationError as error:
        raise CheckpointError(
            f"weights {path}: {key} in the metadata cannot be {shown(text)}; {_BACK}"
        ) from error


def weights_file(path: Path) -> Path:
    """The file of weights that a path names, which may be of a folder with one in it."""
    if not path.is_dir():
        return path
    found = [path / name for name in _IN_FOLDERS if (path / name).is_file()]
    if not found:
        raise CheckpointError(
            f"{path} is a folder without {' or '.join(_IN_FOLDERS[:3])}; name the file of the "
            "weights"
        )
    return found[0]


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The weights in a file, by name, on the CPU.

    Args:
        path: safetensors, or what ``torch.save`` wrote, whatever it is called: a state dict, or a
            dict that holds one, under "model" or "state_dict" perhaps. No code in the file is run;
            of other things than tensors it may hold plain values and the ``argparse.Namespace``
            that training scripts leave. Or the index of several such files.
    """
    check_regular(path, CheckpointError, "weights")
    if path.name.endswith(INDEX):
        parts = map(read_state_dict, parts_of(path))
        return {name: tensor for part in parts for name, tensor in part.items()}
    try:
        if _is_safetensors(path):
            tensors = load_file(path)
            _check_digest(path, tensors, _metadata(path), _BACK)
            return tensors
        if _head(path).startswith(MAGIC):
            raise CheckpointError(
                f"{path} is a checkpoint of a training that has not ended, and no file of weights; "
                "the command that began it goes on from there and writes them"
            )
        allowed = torch.serialization.safe_globals([argparse.Namespace])
        with allowed, path.open("rb") as file:  # by its name, torch would take it for safetensors
            content = torch.load(file, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError(f"cannot read weights from {path}: {error.strerror}") from error
    except Exception as error:  # torch raises what it meets, of many kinds
        why = refusal(error).partition(". ")[0] if path.stat().st_size else "it is empty"
        raise CheckpointError(
            f"{path} is no file of weights alone: {why}; give safetensors, or what torch.save "
            "made of a state_dict()"
        ) from error
    return state_dict_in(content, str(path))


def convert(network: nn.Module, source: Path, target: Path) -> None:
    """Write the weights of ``source`` to ``target`` as safetensors, if they are this network's.

    Names, shapes and number types must be the network's own; its weights are not changed. The
    target is replaced in one step, so a reader never sees half of it.
    """
    if target.suffix != SUFFIX:
        raise CheckpointError(
            f"weights are written as safetensors: {target.with_suffix(SUFFIX)} would be their name"
        )
    weights = named_for(network, read_state_dict(source))
    check_weights(network, weights, str(source))
    save_weights(target, {name: weights[name] for name in network.state_dict()})


def train_once(
    network: nn.Module,
    path: Path,
    metadata: Mapping[str, str],
    train: Callable[..., list[str]],
    also: Mapping[str, str] | None = None,
) -> list[str]:
    """Train a network, or take the weights in ``path`` that are of this ``metadata``.

    ``train`` is :func:`~evo_nas.training.loop.fit` but for its ``checkpoint``, which lies beside
    ``path`` until that is done; its notes are returned, from the file where they are there. What
    metadata tell ``also`` is written and not compared.
    """
    weights = load_weights(path, metadata)
    if weights is not None:
        return take_weights(network, weights, path)
    checkpoint = path.with_suffix(".checkpoint")
    notes = train(checkpoint=checkpoint)
    told = {**metadata, **(also or {}), **({"notes": json.dumps(notes)} if notes else {})}
    save_weights(path, network.state_dict(), told)
    remove_checkpoint(checkpoint)
    return notes


def take_weights(network: nn.Module, weights: Mapping[str, Tensor], path: Path) -> list[str]:
    """Give a network the weights of a file, checked; what was told of their training."""
    check_weights(network, weights, str(path))
    network.load_state_dict(weights)
    notes: list[str] = read_told(path, "notes", list[str], "[]")
    return notes
