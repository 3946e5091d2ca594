"""An evaluator without training: how differently a fresh network answers different images."""

import torch

from evo_nas.evaluation import Evaluator, Objective
from evo_nas.training import seeded_weights


class MyEvaluator(Evaluator):
    """Spread: 1 - the mean similarity of the answers to images of noise, with random weights."""

    objectives = (Objective("spread"),)  # what candidates are ranked by; the more, the better
    needs_data = False  # it looks at no images of the run
    in_workers = True  # open is cheap: candidates may hang or die in processes of their own

    def __init__(self, *, images: int = 32) -> None:  # the options of FILE.py:MyEvaluator?images=8
        self.count = images

    def open(self, space, context):
        """Called once, before any candidate; everything random comes from the run's streams."""
        self.space, self.context, geometry = space, context, context.geometry
        noise = torch.Generator().manual_seed(context.streams.number("noise"))
        shape = (self.count, geometry.channels, geometry.image_size, geometry.image_size)
        self.images = torch.randn(shape, generator=noise).to(context.device)

    @torch.inference_mode()
    def evaluate(self, genome):
        """The metrics of one candidate; they depend on the genome and the context alone."""
        with seeded_weights(self.context.streams.number("weights")):
            network = self.space.build(genome, self.context.geometry)
        answers = network.to(self.context.device).eval()(self.images)
        similar = torch.corrcoef(answers).fill_diagonal_(0)
        pairs = self.count * (self.count - 1)
        return {"spread": 1 - float(similar.abs().sum()) / pairs}
