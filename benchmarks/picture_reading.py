"""Reading pictures from disk: how a row of parquet is reached, how folders are listed, decoding.

    python -m benchmarks.picture_reading [WORKERS]

Made pictures of 500x375 pixels; everything is written to a temporary folder, the cache of Hugging
Face ``datasets`` too. Figures of speed are of this machine at this moment.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet
import torch
from PIL import Image

from evo_nas.data.decode import decode
from evo_nas.data.folders.class_folders import list_folder
from evo_nas.data.folders.parquet import import_datasets, open_parquet
from evo_nas.data.format import Format
from evo_nas.data.stored import stored_pictures

from .timing import medians, report

PICTURES, GROUP, FILES = 2000, 100, 20_000


def jpegs(count: int) -> list[bytes]:
    rng = np.random.default_rng(0)
    contents = []
    for _ in range(count):
        coarse = rng.integers(0, 256, (62, 83, 3), dtype=np.uint8)
        buffer = io.BytesIO()
        smooth = Image.fromarray(coarse).resize((500, 375), Image.Resampling.BICUBIC)
        smooth.save(buffer, "jpeg", quality=92)
        contents.append(buffer.getvalue())
    return contents


def rows_of_parquet(folder: Path, contents: list[bytes]) -> None:
    datasets = import_datasets()
    datasets.config.HF_DATASETS_CACHE = folder / "cache"
    datasets.disable_progress_bars()
    pictures = [{"bytes": contents[i % len(contents)], "path": None} for i in range(PICTURES)]
    columns = {"image": pictures, "label": [i % 2 for i in range(PICTURES)]}
    kinds = {"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b"])}
    dataset = datasets.Dataset.from_dict(columns, features=datasets.Features(kinds))
    path = folder / "train.parquet"
    dataset.to_parquet(path, batch_size=GROUP)
    file, table = pyarrow.parquet.ParquetFile(path), open_parquet([path])
    rows = [int(row) for row in np.random.default_rng(1).permutation(PICTURES)[:100]]

    def by_group() -> None:
        for row in rows:
            group = file.read_row_group(row // GROUP, columns=["image"])
            group.column(0)[row % GROUP].as_py()

    def by_row() -> None:
        for row in rows:
            table.picture(row)

    slow, fast = medians(by_group, by_row, repeats=5)
    print(
        f"100 random rows of parquet, in groups of {GROUP} pictures of {len(contents[0]):,} bytes"
    )
    report("by their groups", slow, "from the cache of datasets", fast)


def listing(folder: Path) -> None:
    datasets = import_datasets()
    for number in range(FILES):
        place = folder / "many" / f"class{number % 100:02}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.jpeg").write_bytes(b"x")
    began = time.perf_counter()
    files = {"train": [f"{folder}/many/*/**"]}
    datasets.load_dataset("imagefolder", data_files=files, split="train")
    first = time.perf_counter() - began
    began = time.perf_counter()
    assert len(list_folder(folder / "many")) == FILES
    print(f"{FILES:,} files in class folders, for the first time")
    report("by datasets", first, "by evo-nas", time.perf_counter() - began)


def decoding(folder: Path, contents: list[bytes], workers: int) -> None:
    chosen = Format(224, 3, 0.875)
    for what, work in (
        ("the middle", lambda i: decode("", contents[i % len(contents)], chosen)),
        ("random crops", lambda i: decode(
            "", contents[i % len(contents)], chosen, (0.08, 1.0), i
        )),
    ):  # fmt: skip
        began = time.process_time()
        for number in range(300):
            work(number)
        speed = 300 / (time.process_time() - began)
        print(f"decoding to 224 pixels, {what}: {speed:.0f} pictures in a second of CPU time")
    for number, content in enumerate(contents * 20):
        place = folder / "pictures" / f"class{number % 2}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.jpeg").write_bytes(content)
    table = list_folder(folder / "pictures")
    pictures = stored_pictures(table, np.arange(len(table)), table.classes, chosen, workers)
    order = torch.split(torch.randperm(len(table)), 128)
    began = time.perf_counter()
    for _ in pictures.read(order, torch.device("cpu"), 0, (0.08, 1.0)):
        pass
    speed = len(table) / (time.perf_counter() - began)
    print(f"read by {workers} workers, with random crops: {speed:.0f} pictures in a second")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("workers", nargs="?", type=int, default=2)
    workers: int = parser.parse_args().workers
    torch.set_num_threads(1)
    contents = jpegs(40)
    with tempfile.TemporaryDirectory() as temporary:
        rows_of_parquet(Path(temporary), contents)
        listing(Path(temporary))
        decoding(Path(temporary), contents, workers)


if __name__ == "__main__":
    main()
