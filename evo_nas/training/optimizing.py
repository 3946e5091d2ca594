"""Optimizers and learning rates, as a recipe's phase describes them."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from .recipe import Phase

NEVER_DECAYED = {"cls_token", "pos_embed"}  # the names that vision transformers in PyTorch use


def make_optimizer(network: nn.Module, phase: Phase, device: str = "cpu") -> torch.optim.Optimizer:
    """The phase's optimizer.

    AdamW leaves vectors (biases, norms), class token and position embedding undecayed, as DeiT
    does; SGD's L2 applies to everything, as in the paper.
    """
    named = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
    if phase.optimizer == "sgd":
        # Fused SGD crashes where only some parameters have gradients (torch 2.13, CPU).
        return torch.optim.SGD(
            [p for _, p in named],
            lr=phase.learning_rate,
            momentum=phase.momentum,
            nesterov=phase.momentum > 0,
            weight_decay=phase.weight_decay,
            foreach=True,
        )
    assert phase.optimizer == "adamw", "recipes are checked when they are read"
    undecayed = {n for n, p in named if p.ndim <= 1 or n.rpartition(".")[2] in NEVER_DECAYED}
    groups: list[dict[str, Any]] = [
        {"params": [p for n, p in named if n not in undecayed]},
        {"params": [p for n, p in named if n in undecayed], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=phase.learning_rate,
        weight_decay=phase.weight_decay,
        fused=device in {"cpu", "cuda"},
    )


def set_learning_rate(
    optimizer: torch.optim.Optimizer, phase: Phase, step: int, steps: int, factor: float = 1.0
) -> None:
    """Set the rate of one step of ``steps``: a linear warm-up, then a cosine to the floor.

    All of it is multiplied by ``factor``.
    """
    warmup = round(phase.warmup * steps)
    if step < warmup:
        lowest, share = phase.warmup_start, (step + 1) / warmup
    else:
        lowest = phase.learning_rate_floor
        share = (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2
    for group in optimizer.param_groups:
        group["lr"] = factor * (lowest + (phase.learning_rate - lowest) * share)
