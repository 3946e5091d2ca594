from __future__ import annotations

import pytest

from tests.kit.teachers import write_teacher


@pytest.fixture
def save_teacher(tmp_path):
    """Writes the weights of a tiny network, or of another space's; their file."""
    return lambda name="teacher", **more: write_teacher(tmp_path / f"{name}.safetensors", **more)
