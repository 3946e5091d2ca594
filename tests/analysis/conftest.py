from __future__ import annotations

from typing import Any

import pytest

from evo_nas.search.scoring import Scorer
from tests.kit.recorder import Recorder
from tests.kit.runs import Interruption


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder, record = Recorder(), Scorer._record

    def record_or_stop(*arguments: Any) -> Any:
        if recorder.count == recorder.limit:
            raise Interruption
        recorder.count += 1
        return record(*arguments)

    monkeypatch.setattr(Scorer, "_record", record_or_stop)
    return recorder
