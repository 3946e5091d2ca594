"""Scores candidates by how long their networks take here: milliseconds, the fewer the better.

Why: docs/decisions/028-latency-at-target.md.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
import torch

from evo_nas.core.devices import device_name, torch_threads
from evo_nas.core.files import write_atomically
from evo_nas.core.plugins.options import above, at_least
from evo_nas.core.validation import read_json, shown
from evo_nas.errors import EvaluatorError
from evo_nas.evaluation.evaluator import EvaluationContext, Evaluator, Objective
from evo_nas.space.decoder import Decoder
from evo_nas.space.space import Genome, Space
from evo_nas.training.batches import seeded_weights

RECORD = "latency.json"
_FEWEST = 3  # times of which quartiles say anything


class LatencyEvaluator(Evaluator):
    """Measures inference in float32 on the run's device, as ``latency?batch=8``.

    ``latency`` is the median over ``repeats`` of the milliseconds that a batch takes, after
    ``warmup`` batches that do not count; ``latency_iqr`` is the interquartile range, which says how
    far to trust it. A network that is slow is timed less often: no more batches begin after
    ``seconds``, once three have been timed. Weights and images are random: they do not change what
    is computed. On the CPU the run's ``--threads`` are used.

    A time is noisy, and means something on one device only. Which one is written to latency.json
    in the evaluator's folder of the run, and said at the start; a run that is resumed on another
    is stopped, because its candidates could not be compared.

    Args:
        batch: images at once.
        geometry: "target", where FLOPs are counted, or "run", where the run builds its networks: a
            proxy is many times as fast as the network that it stands for.
        repeats: batches that are timed.
        warmup: batches before those.
        seconds: how long one network is timed at most, if three batches take no longer.
    """

    objectives = (Objective("latency", maximise=False),)
    needs_data = False
    repeatable = False

    def __init__(
        self,
        *,
        batch: Annotated[int, at_least(1)] = 1,
        geometry: Literal["run", "target"] = "target",
        repeats: Annotated[int, at_least(_FEWEST)] = 30,
        warmup: Annotated[int, at_least(0)] = 5,
        seconds: Annotated[float, above(0)] = 2.0,
    ) -> None:
        self._batch, self._at_target = batch, geometry == "target"
        self._repeats, self._warmup, self._seconds = repeats, warmup, seconds
        where = "at the target geometry" if self._at_target else "at the geometry of the run"
        self.conditions = f"{where}, in batches of {batch}"

    def check(self, space: Space) -> None:
        space.build((0,) * len(space.choices), space.target)

    def open(self, space: Space, context: EvaluationContext) -> None:
        self._context, self._decoder = context, Decoder(space)
        self._geometry = space.target if self._at_target else context.geometry
        record = {
            "device": f"{context.device} ({device_name(context.device)})",
            "threads": context.threads,
            "torch": torch.__version__,
            "geometry": str(self._geometry),
            "batch": self._batch,
        }
        path = context.folder / RECORD
        if path.exists():
            earlier = read_json(path, EvaluatorError)
            if not isinstance(earlier, dict):
                raise EvaluatorError(f"{path} is no record of a device; start a new run")
            for key, value in record.items():
                if (told := shown(earlier.get(key))) != shown(value):
                    raise EvaluatorError(
                        f"latencies of this run were measured with {key} {told}, and "
                        f"cannot be compared with those of {value}; start a new run"
                    )
        else:
            context.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(path, (json.dumps(record, indent=2) + "\n").encode())
        size = self._geometry.image_size
        shape = (self._batch, self._geometry.channels, size, size)
        generator = torch.Generator().manual_seed(context.streams.number("images"))
        self._images = torch.randn(shape, generator=generator).to(context.device)
        context.progress.say(f"latency {self.conditions}, on {record['device']}")

    @torch.inference_mode()
    def evaluate(self, genome: Genome) -> Mapping[str, float]:
        context = self._context
        with seeded_weights(context.streams.number("weights")):
            network = self._decoder.network(genome, self._geometry)
        network.to(context.device).eval()
        times: list[float] = []
        ends = time.perf_counter() + self._seconds
        enough = min(self._warmup, 1) + _FEWEST
        with torch_threads(context.threads):
            for _ in range(self._warmup + self._repeats):
                began = time.perf_counter()
                if began > ends and len(times) >= enough:
                    break
                network(self._images)
                if self._images.is_cuda:  # which works while Python goes on
                    torch.cuda.synchronize(self._images.device)
                times.append(1000 * (time.perf_counter() - began))
        timed = times[min(self._warmup, len(times) - _FEWEST) :]
        low, median, high = np.quantile(timed, (0.25, 0.5, 0.75))
        return {"latency": float(median), "latency_iqr": float(high - low)}
