"""Checks of a space's supernet."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from evo_nas.space.space import Genome, Geometry, Space
from evo_nas.space.supernet import Supernet

from .check import expect, listed, skip
from .networks import NetworkChecks, batch_norms, check_logits, noise, shake
from .subject import named


class SupernetChecks(NetworkChecks):
    """The checks of shared weights, all at a small geometry."""

    @named("a path of the supernet is the stand-alone network")
    def _path(self) -> None:
        space, geometry = self._supernet_geometry()
        for supernet in _supernets(space, geometry):
            for genome in self.built:
                _check_path(space, supernet, genome, geometry)

    @named("equal steps of the supernet do the same")
    def _steps(self) -> None:
        space, geometry = self._supernet_geometry()
        for supernet in _supernets(space, geometry):
            self._check_steps(space, geometry, supernet)

    def _check_steps(self, space: Space, geometry: Geometry, supernet: Supernet) -> None:
        images = noise(geometry, 2)
        known: dict[tuple[object, ...], Tensor] = {}
        for genome in self.genomes[: 4 * self.samples]:
            hidden, keys = images, ()
            steps = supernet.steps(genome)
            for step in steps:
                keys = (*keys, step.key)  # type: ignore[assignment]
                with torch.no_grad():
                    hidden = step.run(hidden)
                same = torch.equal(known.setdefault(keys, hidden), hidden)
                told = f"steps with equal keys up to {step.key!r} give different features"
                expect(same, f"{told}; let a step's key name all that the step depends on")
            called = {id(norm) for step in steps for norm in step.batch_norms}
            built = batch_norms(space.build(genome, geometry))
            told = f"the steps of {genome} name {len(called)} BatchNorm layers in `batch_norms`"
            expect(
                len(called) == len(built), f"{told}, its network has {len(built)}; name them all"
            )

    @named("stages have supernets of what they can reach")
    def _stages(self) -> None:
        space, geometry = self._supernet_geometry()
        decided = None
        for level in space.levels:
            stage = space.stage(level, decided)
            rng = np.random.default_rng(level)
            drawn = [
                stage.lift([int(rng.integers(len(c.options))) for c in stage.choices])
                for _ in range(self.samples)
            ]
            for supernet in _supernets(stage, geometry):
                for genome in drawn:
                    _check_path(space, supernet, genome, geometry)
            decided = drawn[0]

    def _supernet_geometry(self) -> tuple[Space, Geometry]:
        space, geometry = self.built_space(), self.small()
        if type(space).supernet is Space.supernet:
            skip("it has no supernet; --evaluator supernet will not work")
        return space, geometry


def _supernets(space: Space, geometry: Geometry) -> Iterator[Supernet]:
    """With each way to share weights."""
    yield _shaken(space.supernet(geometry))
    if space.entangles:
        yield _shaken(space.entangled_supernet(geometry))


def _shaken(supernet: Supernet) -> Supernet:
    told = f"supernet() is a {type(supernet).__name__}"
    expect(
        isinstance(supernet, Supernet), f"{told}; derive it from evo_nas.space.supernet.Supernet"
    )
    shake(supernet)
    return supernet.eval()


def _check_path(space: Space, supernet: Supernet, genome: Genome, geometry: Geometry) -> None:
    """The path is the stand-alone network, with copies of its weights."""
    images = noise(geometry, 2)
    network = space.build(genome, geometry).eval()
    extracted = supernet.extract(genome)
    missing = network.state_dict().keys() - extracted.keys()
    extra = extracted.keys() - network.state_dict().keys()
    told = f"extract({genome}) has no {listed(sorted(missing))}" if missing else ""
    told = told or f"extract({genome}) has {listed(sorted(extra))}, which the network has not"
    expect(not missing and not extra, f"{told}; use the names of build()'s state_dict")
    for name, weight in network.state_dict().items():
        given, wanted = tuple(extracted[name].shape), tuple(weight.shape)
        told = f"extract({genome}) gives {name} the shape {given}, in the network it has {wanted}"
        expect(given == wanted, f"{told}; let both make the same modules of the same options")
    network.load_state_dict(extracted, strict=True)
    supernet.select(genome)
    with torch.no_grad():
        path, alone = supernet(images), network(images)
        check_logits(path, 2, geometry, genome)
        far = float((path - alone).abs().max())
        told = (
            f"the path of {genome} and the network with its extracted weights differ by {far:.2g}"
        )
        same = torch.allclose(path, alone, atol=1e-5, rtol=1e-5)
        expect(same, f"{told}; compare the modules of steps() with those of build()")
        for tensor in extracted.values():
            expect(not tensor.requires_grad, "extract() gives tensors with gradients; detach them")
            tensor.fill_(7)
        same = torch.equal(supernet(images), path)
    expect(same, "writing into what extract() gave changed the supernet; give copies (clone)")
