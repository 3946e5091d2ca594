"""Drawings as files: SVG as they are, PNG and PDF by CairoSVG."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from evo_nas.core.files import write_atomically
from evo_nas.core.paths import expanded
from evo_nas.errors import ExportError

_SCALE = 3  # pixels of a PNG for each of the drawing's, 288 an inch


def write_drawing(svg: str, path: str | Path) -> Path:
    """Write a drawing in the format that the path's ending says; the path.

    Raises:
        ExportError: the ending is none of these, or CairoSVG is not installed.
        RunError: the file cannot be written.
    """
    path = expanded(path)
    write_atomically(path, writer(path)(svg))
    return path


def writer(path: Path) -> Callable[[str], bytes]:
    """What makes the file of a drawing; whether it can is said before anything is drawn."""
    match path.suffix.lower():
        case ".svg":
            return str.encode
        case ".png":
            return _cairo(path, "svg2png", scale=_SCALE)
        case ".pdf":
            return _cairo(path, "svg2pdf")
    raise ExportError(
        f"a figure cannot be written as {path.name or path}; let its name end in .svg, .png or .pdf"
    )


def _cairo(path: Path, function: str, **options: Any) -> Callable[[str], bytes]:
    try:
        import cairosvg
    except (ImportError, OSError) as error:  # OSError: the library that it calls is missing
        raise ExportError(
            f"{path.suffix} needs CairoSVG and the library cairo: pip install 'evo-nas[figures]', "
            f"or write .svg ({' '.join(str(error).split())[:80]})"
        ) from error

    def write(svg: str) -> bytes:
        content: bytes = getattr(cairosvg, function)(bytestring=svg.encode(), **options)
        return content

    return write
