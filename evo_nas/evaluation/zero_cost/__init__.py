"""Scores of networks that have not been trained.

Each function takes a network with fresh weights, and leaves it as it was (:mod:`.borrowing`);
:class:`.features.Taught` looks at other networks, which were trained.
"""

from __future__ import annotations

from .activations import naswot
from .features import Taught, Trained, Truth
from .flow import dss, synflow
from .gradients import grad_norm, snip
from .jacobian import jacov
from .layers import layers
from .perturbation import zen

__all__ = [
    "Taught",
    "Trained",
    "Truth",
    "dss",
    "grad_norm",
    "jacov",
    "layers",
    "naswot",
    "snip",
    "synflow",
    "zen",
]
