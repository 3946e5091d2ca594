"""The formats that networks leave in: how each is written, and read back to be compared.

Exporters print a lot; what they say is kept, and goes with the error if they fail.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from evo_nas.errors import ExportError
from evo_nas.training.weights import load_weights, save_weights

Runner = Callable[[Tensor], Tensor]  # images (batch, channels, size, size) to logits
INPUT, OUTPUT, BATCH = "images", "logits", "batch"


@dataclass(frozen=True, slots=True)
class Format:
    """One format.

    ``write`` takes the network, an example of its input (at least 2 images), the path, and what is
    said of it in the file's metadata; ``read`` takes the path and a function that builds the
    network anew.
    """

    suffix: str
    write: Callable[[nn.Module, Tensor, Path, Mapping[str, str]], None]
    read: Callable[[Path, Callable[[], nn.Module]], Runner]
    normalises: bool = True  # whether the file can hold what is done before the network


def _program(network: nn.Module, example: Tensor) -> Any:
    """The network as a program for any number of images."""
    free = ({0: torch.export.Dim.DYNAMIC},)
    with torch.no_grad():
        return torch.export.export(network, (example,), dynamic_shapes=free)


def _write_onnx(network: nn.Module, example: Tensor, path: Path, about: Mapping[str, str]) -> None:
    made = torch.onnx.export(
        _program(network, example), dynamo=True, input_names=[INPUT], output_names=[OUTPUT],
        verbose=False,
    )  # fmt: skip
    assert made is not None, "without a path, a program is given"
    _name_batch(made.model.graph)
    made.model.metadata_props.update(about)
    made.save(path)


def _name_batch(graph: Any) -> None:
    """Call the number of images "batch", which the exporter gives a name such as s34."""
    symbol = re.compile(rf"\b{re.escape(graph.inputs[0].shape[0].value)}\b")
    values = [*graph.inputs, *graph.outputs, *(v for node in graph for v in node.outputs)]
    for value in values:
        for axis, size in enumerate(value.shape or ()):
            # Sizes that nobody knows have no name, and must get none: equal names are equal sizes.
            if not isinstance(size, int) and size.value is not None:
                value.shape[axis] = symbol.sub(BATCH, size.value)


def _read_onnx(path: Path, _build: Callable[[], nn.Module]) -> Runner:
    import onnxruntime

    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return lambda images: torch.from_numpy(session.run([OUTPUT], {INPUT: images.numpy()})[0])


def _write_program(
    network: nn.Module, example: Tensor, path: Path, about: Mapping[str, str]
) -> None:
    torch.export.save(_program(network, example), path, extra_files=dict(about))


def _read_program(path: Path, _build: Callable[[], nn.Module]) -> Runner:
    return torch.export.load(path).module()


def _write_weights(
    network: nn.Module, example: Tensor, path: Path, about: Mapping[str, str]
) -> None:
    save_weights(path, network.state_dict(), about)


def _read_weights(path: Path, build: Callable[[], nn.Module]) -> Runner:
    network = build()
    network.load_state_dict(load_weights(path) or {})
    return network.eval()


FORMATS: Mapping[str, Format] = {
    "onnx": Format(".onnx", _write_onnx, _read_onnx),
    "torch-export": Format(".pt2", _write_program, _read_program),
    "safetensors": Format(".safetensors", _write_weights, _read_weights, normalises=False),
}


def check_onnx() -> None:
    """Raise an ExportError unless what ONNX needs is installed."""
    for package in ("onnx", "onnxruntime", "onnxscript"):
        try:
            __import__(package)
        except ImportError as error:
            raise ExportError(
                f"format onnx needs {package}: pip install 'evo-nas[export]'"
            ) from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Let nothing inside print; an error takes what was said along, as a note."""
    said = io.StringIO()
    disabled = logging.root.manager.disable
    try:
        with (
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(said),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            logging.disable(logging.WARNING)
            yield
    except Exception as error:
        if said.getvalue():
            error.add_note(said.getvalue())
        raise
    finally:
        logging.disable(disabled)


def as_metadata(about: Mapping[str, object]) -> dict[str, str]:
    """Facts as the one entry ``evo_nas`` of a file's metadata, in JSON."""
    return {"evo_nas": json.dumps(about)}
