"""A network that is delivered tells the data's classes apart: no more of them, and no less."""

from __future__ import annotations

from evo_nas.errors import EvoNasError
from evo_nas.space.logits import wrong_network
from evo_nas.space.space import Genome, Geometry, Space
from evo_nas.training.batches import seeded_weights


def wrong_head(space: Space, geometry: Geometry, full: Genome) -> str | None:
    """Why the network of a genome, as it is built now, cannot be delivered; None if it can."""
    with seeded_weights(0):
        try:
            network = space.build(full, geometry)
        except EvoNasError as error:
            return str(error)
    wrong = wrong_network(network, geometry)
    return None if wrong is None else f"its network cannot be delivered: {wrong}"
