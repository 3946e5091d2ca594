"""What is searched: choices, genomes, stages, what networks cost, the contract of supernets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evo_nas.core.lazy import lazy

if TYPE_CHECKING:
    from .architecture import Architecture
    from .choices import Choice, Choices, Genome, Option
    from .costs.counted import CountedSpace
    from .costs.flops import count
    from .network import ImageClassifier, StochasticDepth
    from .space import Cell, Costs, Geometry, Space
    from .subspace import Subspace
    from .supernet import Step, Supernet

__all__ = [
    "Architecture",
    "Cell",
    "Choice",
    "Choices",
    "Costs",
    "CountedSpace",
    "Genome",
    "Geometry",
    "ImageClassifier",
    "Option",
    "Space",
    "Step",
    "StochasticDepth",
    "Subspace",
    "Supernet",
    "count",
]

__getattr__ = lazy(__name__)
