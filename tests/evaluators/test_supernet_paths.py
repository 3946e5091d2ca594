"""Shared weights of several paths a step, and of paths within the limits."""

from dataclasses import replace

import pytest
import torch

from evo_nas.core.plugins import registry
from evo_nas.errors import CheckpointError
from evo_nas.sampling.checks import Limits
from evo_nas.sampling.limits import Limit
from evo_nas.sampling.several import feasible_within
from evo_nas.training.ledger import Ledger
from evo_nas.training.recipe import Phase
from evo_nas.training.weights import read_metadata
from tests.kit.runs import Listener
from tests.kit.tinyspace import WIDTHS, Stopping, TinySpace, opened, tiny_context

IDLE = Phase("sgd", 1, 16, 1e-30, 0.0, momentum=0.0)  # moves no weight


class Costly(TinySpace):
    """Costs add up: a wider layer is dearer."""

    def slot_costs(self, slot, context):
        return {(gene,): {"flops": width, "params": 1} for gene, width in enumerate(WIDTHS)}


def by(folder, **keys):
    """A recipe with some keys of its own."""
    return replace(tiny_context(folder).recipe, **keys)


def weights(evaluator):
    return evaluator._supernet.state_dict()


def untrained(evaluator, folder):
    """The names of layers that hold what they began with."""
    begun = opened(folder, epochs=1, recipe=by(folder, supernet=IDLE), space=Costly())
    pairs = zip(weights(evaluator).items(), weights(begun).values(), strict=True)
    kept = [name for (name, now), before in pairs if torch.equal(now, before)]
    return {name.split(".")[1] for name in kept if name.endswith("net.0.weight")}


def test_a_sandwich_is_counted_in_paths_and_goes_on_exactly(tmp_path):
    ledger, said = Ledger(), Listener()
    changes = {"recipe": by(tmp_path, sandwich=3), "space": Costly()}
    whole = opened(tmp_path / "whole", ledger=ledger, progress=said, **changes)
    assert ledger.trained == 3 * 2 * 96
    assert read_metadata(tmp_path / "whole" / "supernet.safetensors")["images_trained"] == "576"
    assert said.heard[0] == (
        "shared weights: each step trains the largest path (32 FLOPs), the smallest (8 FLOPs) and "
        "1 at random"
    )
    with pytest.raises(KeyboardInterrupt):
        opened(tmp_path / "stopped", progress=Stopping(after=1), **changes)
    with pytest.raises(CheckpointError, match="sandwich is 3 there, None here"):
        opened(tmp_path / "stopped", space=Costly())
    resumed = opened(tmp_path / "stopped", **changes)
    assert resumed.evaluate((2, 1)) == whole.evaluate((2, 1))
    assert all(torch.equal(t, weights(resumed)[name]) for name, t in weights(whole).items())
    with pytest.raises(CheckpointError, match=r"training is .sandwich 3, Phase"):
        opened(tmp_path / "whole", space=Costly())


def test_a_sandwich_of_two_trains_the_largest_and_the_smallest_path_only(tmp_path):
    changes = {"space": Costly(), "recipe": by(tmp_path, sandwich=2)}
    assert untrained(opened(tmp_path / "all", **changes), tmp_path / "begun") == {
        "first8", "second8",
    }  # fmt: skip
    within = feasible_within(Costly(), Limits((Limit("flops", 20, 24),)))
    changes["recipe"] = replace(changes["recipe"], paths="budget")
    found = opened(tmp_path / "within", legal=within, **changes)
    assert untrained(found, tmp_path / "begun") == {"first16", "second4", "second8"}


def test_a_sandwich_that_diverges_is_set_back(tmp_path):
    tiny = tiny_context(tmp_path, notes=[], progress=Listener())
    wild = replace(tiny.recipe.train, learning_rate=3.0)
    evaluator = registry.load("evaluator", "supernet")
    evaluator.open(Costly(), replace(tiny, recipe=replace(tiny.recipe, supernet=wild, sandwich=3)))
    assert any("it goes on from" in note for note in tiny.notes)
    assert all(tensor.isfinite().all() for tensor in weights(evaluator).values())


def test_weights_within_other_limits_are_other_weights(tmp_path):
    def legal(most):
        return feasible_within(Costly(), Limits((Limit("flops", high=most),)))

    said = Listener()
    changes = {"space": Costly(), "recipe": by(tmp_path, paths="budget"), "progress": said}
    opened(tmp_path / "run", legal=legal(20), **changes)
    spec = f"supernet?run={tmp_path / 'run'}"
    opened(tmp_path / "same", spec, legal=legal(20), **changes)
    assert not (tmp_path / "same" / "supernet.safetensors").exists()
    opened(tmp_path / "other", spec, legal=legal(24), **changes)
    assert said.heard[-2].endswith("these images within flops<=24: new ones are trained")
    opened(tmp_path / "prior", spec, **changes | {"recipe": by(tmp_path)})
    assert (tmp_path / "prior" / "supernet.safetensors").exists()
    with pytest.raises(CheckpointError, match="paths is"):
        opened(tmp_path / "run", legal=legal(24), **changes)


def test_shared_weights_train_with_clipped_gradients_and_without_decay(tmp_path):
    phase = tiny_context(tmp_path).recipe.supernet
    changed = [replace(phase, weight_decay=0.0), replace(phase, gradient_clip=0.01)]
    heads = [
        weights(opened(tmp_path / str(number), recipe=by(tmp_path, supernet=each)))["head.weight"]
        for number, each in enumerate([phase, *changed])
    ]
    assert not torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])
    told = [read_metadata(tmp_path / n / "supernet.safetensors")["training"] for n in "12"]
    assert "weight_decay=0.0" in told[0]
    assert "gradient_clip=0.01" in told[1]
