"""Rules for the tests themselves."""

from __future__ import annotations

import ast
from pathlib import Path

HERE = Path(__file__).parent


def test_no_test_module_imports_another() -> None:
    """Helpers lie in tests/kit: who looks for one finds it there, and files can be moved alone."""
    found = [
        f"{path.relative_to(HERE)}, line {node.lineno}"
        for path in HERE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (getattr(node, "module", None), *(alias.name for alias in node.names))
        if any(part.startswith("test_") for part in (name or "").split("."))
    ]
    assert found == []
