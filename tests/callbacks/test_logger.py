from __future__ import annotations

import importlib.util

import pytest

from evo_nas.errors import SettingsError
from evo_nas.search.course.audience import make_callbacks


@pytest.mark.parametrize("name", ["tensorboard", "mlflow", "wandb", "trackio"])
def test_a_package_that_is_missing_is_named_with_its_extra(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda each: known(each) if each != name else None
    )
    with pytest.raises(SettingsError) as error:
        make_callbacks([name])
    assert str(error.value) == (
        f"callback {name} needs a package: pip install 'evo-nas[{name}]', or leave it out"
    )
