"""Score a whole generation together on shared weights.

Candidates whose paths begin alike share that work: their steps form a prefix tree, which is walked
once for each batch of images. BatchNorm statistics are those of the path and not of the shared
weights (Guo et al., Single Path One-Shot, ECCV 2020, section 3.3): a first walk over calibration
images takes them at each node of the tree, a second walk over validation images uses them.

The same numbers come out whichever candidates are scored together, bit for bit on the CPU: a step
sees the same tensors in the same order as if its path were alone.

Why: docs/decisions/010-prefix-tree.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F  # noqa: N812  the name that PyTorch code uses
from torch import Tensor, nn

from evo_nas.data.images import Images
from evo_nas.space.space import Genome
from evo_nas.space.supernet import Step, Supernet

# Of one image: a path whose outputs are huge gets a bad score, not an infinite one. Where outputs
# are no numbers at all the loss is none either, which fails that candidate.
_HIGHEST_LOSS = 1e4


@dataclass(slots=True, eq=False)
class _Node:
    """A step after the steps of its ancestors.

    ``candidates`` are those whose path ends here, ``calibrated`` says whether a BatchNorm is here
    or below, ``statistics`` are mean and variance of each BatchNorm of the step.
    """

    step: Step
    children: dict[Hashable, _Node] = field(default_factory=dict)
    candidates: list[int] = field(default_factory=list)
    calibrated: bool = False
    statistics: list[tuple[Tensor, Tensor]] = field(default_factory=list)


def score(
    supernet: Supernet,
    genomes: Sequence[Genome],
    validation: Images,
    calibration: Tensor,
    prepare: Callable[[Tensor], Tensor],
    *,
    batch_size: int = 128,
) -> tuple[dict[str, float], ...]:
    """Scores of full genomes of the supernet's root space; the supernet is left as it was.

    For each genome "accuracy", "loss" (mean cross entropy), and of both "..._even" and "..._odd",
    those of validation rows 0, 2, 4... and 1, 3, 5..., to tell how reliable a ranking is.

    Args:
        supernet: shared weights, on a device.
        genomes: full genomes, in any order, equal ones allowed.
        validation: two images at least, the same for every candidate; labels on the device.
        calibration: uint8 pixels (m, channels, size, size) for the statistics. Taken in batches of
            about equal size, each normalised by its own statistics; a node's are the average.
        prepare: from pixels (n, channels, size, size) to what the supernet reads, on the device.
        batch_size: images at a time.
    """
    assert len(validation) >= 2, "the halves of the validation images need one image each"
    paths = [supernet.steps(genome) for genome in genomes]
    roots = _prefix_tree(paths)
    with torch.inference_mode(), _evaluating(supernet):
        _calibrate(roots, calibration, prepare, batch_size)
        results = _validate(roots, len(paths), validation, prepare, batch_size)
    return tuple(_metrics(*result) for result in zip(*results, strict=True))


def _prefix_tree(paths: Sequence[Sequence[Step]]) -> list[_Node]:
    """The first steps of all paths, with what follows below them."""
    roots: dict[Hashable, _Node] = {}
    for candidate, path in enumerate(paths):
        assert path, "a path has one step at least"
        last_calibrated = max((i for i, step in enumerate(path) if step.batch_norms), default=-1)
        children = roots
        for position, step in enumerate(path):
            node = children.setdefault(step.key, _Node(step))
            node.calibrated = node.calibrated or position <= last_calibrated
            children = node.children
        node.candidates.append(candidate)
    return list(roots.values())


def _calibrate(
    roots: list[_Node], pixels: Tensor, prepare: Callable[[Tensor], Tensor], batch_size: int
) -> None:
    """Take every node's statistics."""
    roots = [root for root in roots if root.calibrated]
    if not roots:
        return
    assert len(pixels), "BatchNorm statistics need calibration images"
    for rows in _batches(len(pixels), batch_size):
        share = (rows.stop - rows.start) / len(pixels)
        stack = _on_top(roots, prepare(pixels[rows]))
        while stack:
            node, hidden = stack.pop()
            taken = [_take_statistics(norm) for norm in node.step.batch_norms]
            hidden = _run(node.step, hidden)
            for norm in node.step.batch_norms:
                norm.eval()
            _add_statistics(node, taken, share)
            stack += _on_top([n for n in node.children.values() if n.calibrated], hidden)


def _take_statistics(norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Set a BatchNorm to normalise by its batch and to write mean and variance to new tensors."""
    assert isinstance(norm, nn.modules.batchnorm._BatchNorm), "a step names a layer of another kind"
    assert norm.running_mean is not None, "a BatchNorm without running statistics"
    assert norm.running_var is not None, "a BatchNorm without running statistics"
    norm.running_mean = torch.zeros_like(norm.running_mean)
    norm.running_var = torch.zeros_like(norm.running_var)
    norm.momentum = 1.0  # all from this batch, nothing from before
    norm.train()
    return norm.running_mean, norm.running_var


def _add_statistics(node: _Node, taken: list[tuple[Tensor, Tensor]], share: float) -> None:
    scaled = [(mean * share, variance * share) for mean, variance in taken]
    if not node.statistics:
        node.statistics = scaled
    else:
        pairs = zip(node.statistics, scaled, strict=True)
        node.statistics = [(a + c, b + d) for (a, b), (c, d) in pairs]


def _validate(
    roots: list[_Node],
    candidates: int,
    validation: Images,
    prepare: Callable[[Tensor], Tensor],
    batch_size: int,
) -> tuple[Tensor, Tensor]:
    """Whether right, and the loss, each (candidates, n)."""
    size, device = (candidates, len(validation)), validation.labels.device
    correct = torch.empty(size, dtype=torch.bool, device=device)
    losses = torch.empty(size, dtype=torch.float32, device=device)
    for rows in _batches(len(validation), batch_size):
        labels = validation.labels[rows]
        stack = _on_top(roots, prepare(validation.pixels[rows]))
        while stack:
            node, hidden = stack.pop()
            for norm, statistics in zip(node.step.batch_norms, node.statistics, strict=True):
                norm.running_mean, norm.running_var = statistics
            hidden = _run(node.step, hidden)
            if node.candidates:
                logits = hidden.float()
                correct[node.candidates, rows] = logits.argmax(dim=1) == labels
                losses[node.candidates, rows] = F.cross_entropy(logits, labels, reduction="none")
            stack += _on_top(list(node.children.values()), hidden)
    return correct.cpu(), losses.cpu()


def _metrics(correct: Tensor, losses: Tensor) -> dict[str, float]:
    """The metrics of one candidate, whose sums are exact and so of no particular order."""
    bounded = losses.clamp(max=_HIGHEST_LOSS)
    return {
        "accuracy": _share(correct),
        "loss": _mean(bounded),
        "accuracy_even": _share(correct[0::2]),
        "accuracy_odd": _share(correct[1::2]),
        "loss_even": _mean(bounded[0::2]),
        "loss_odd": _mean(bounded[1::2]),
    }


def _share(correct: Tensor) -> float:
    return int(correct.sum()) / len(correct)


def _mean(losses: Tensor) -> float:
    return math.fsum(losses.tolist()) / len(losses)


def _batches(images: int, batch_size: int) -> list[slice]:
    """Slices of about equal size, ``batch_size`` at most."""
    count = -(-images // batch_size)
    return [slice(images * i // count, images * (i + 1) // count) for i in range(count)]


def _on_top(nodes: list[_Node], hidden: Tensor) -> list[tuple[_Node, Tensor]]:
    """What to push so that nodes are met in order; the last to be met frees its input."""
    return [(node, hidden) for node in reversed(nodes)]


def _run(step: Step, hidden: Tensor) -> Tensor:
    # On the CPU bfloat16 is slower than float32 at these sizes.
    with torch.autocast("cuda", torch.bfloat16, enabled=hidden.is_cuda):
        return step.run(hidden)


@contextmanager
def _evaluating(supernet: Supernet) -> Iterator[None]:
    """Evaluation mode; afterwards modes and the BatchNorm layers' own statistics are put back."""
    modes = {module: module.training for module in supernet.modules()}
    norms = [m for m in modes if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    kept = [(norm, norm.momentum, dict(norm._buffers)) for norm in norms]
    tracked = [n.num_batches_tracked for n in norms if n.num_batches_tracked is not None]
    counts = [count.clone() for count in tracked]
    supernet.eval()
    try:
        yield
    finally:
        for norm, momentum, buffers in kept:
            norm.momentum = momentum
            norm._buffers.update(buffers)
        for count, before in zip(tracked, counts, strict=True):
            count.copy_(before)
        for module, training in modes.items():
            module.training = training
