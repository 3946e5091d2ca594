"""Pictures of every depth, with transparency, in every colour space: what is seen of them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from evo_nas.data.decode import decode, header
from evo_nas.data.format import Background, Format, Range
from evo_nas.errors import DataError, PictureError
from tests.kit.images import Image, encoded

ImageCms = pytest.importorskip("PIL.ImageCms")
STEPS = np.arange(64, dtype=np.float64).reshape(8, 8) / 63  # from black to white


def seen(content: bytes, **chosen: Any) -> npt.NDArray[Any]:
    """One picture of 8x8 pixels, grey unless something else is chosen: (8, 8) or (8, 8, 3)."""
    pixels = decode("mine", content, Format(8, **({"channels": 1} | chosen)))
    return pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)


def deep(numbers: npt.NDArray[Any], kind: str = "tiff", **options: Any) -> bytes:
    return encoded(Image.fromarray(numbers), kind, **options)


def big_endian(numbers: npt.NDArray[np.uint16]) -> bytes:
    """A TIFF whose numbers have their first byte first."""
    return encoded(Image.frombytes("I;16B", (8, 8), numbers.astype(">u2").tobytes()), "tiff")


def retagged(tiff: bytes, tag: int, value: int) -> bytes:
    """A TIFF with another small value of a tag that has one."""
    before, entry, after = tiff.partition(tag.to_bytes(2, "little") + b"\x03\0\x01\0\0\0")
    assert entry, f"there is no tag {tag}"
    return before + entry + value.to_bytes(2, "little") + after[2:]


def pgm(numbers: npt.NDArray[Any], largest: int) -> bytes:
    return b"P5 8 8 %d\n" % largest + numbers.astype(">u2").tobytes()


SIXTEEN = (STEPS * 65535).round().astype(np.uint16)
TWELVE = (STEPS * 4095).round().astype(np.uint16)


@pytest.mark.parametrize(
    "content",
    [
        deep(SIXTEEN, "png"),
        deep(SIXTEEN),
        deep(SIXTEEN, compression="tiff_lzw"),
        deep(SIXTEEN, "jpeg2000"),
        big_endian(SIXTEEN),
        pgm(SIXTEEN, 65535),
        pgm(TWELVE, 4095),
    ],
    ids=["png", "tiff", "packed tiff", "jpeg2000", "big-endian tiff", "pgm", "pgm of 12 bits"],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_16_bits_are_scaled_by_their_range(content: bytes, channels: int) -> None:
    found = seen(content, channels=channels)
    expected = STEPS * 255 if channels == 1 else np.stack([STEPS * 255] * 3, -1)
    assert np.abs(found - expected).max() <= 0.51


def twelve_bit_tiff() -> bytes:
    """Pillow reads 12 bits in TIFF, but writes none: two numbers in three bytes."""
    high, low = TWELVE.reshape(-1, 2).astype(int).T
    packed = np.stack([high >> 4, (high & 15) << 4 | low >> 8, low & 255], 1).astype(np.uint8)
    tags = [(256, 8), (257, 8), (258, 12), (259, 1), (262, 1), (273, 8), (277, 1), (278, 8)]
    tags.append((279, packed.size))
    start = 8 + packed.size
    out = b"II*\0" + start.to_bytes(4, "little") + packed.tobytes()
    out += len(tags).to_bytes(2, "little")
    for tag, value in tags:
        out += tag.to_bytes(2, "little") + b"\x04\0\x01\0\0\0" + value.to_bytes(4, "little")
    return out + bytes(4)


def test_12_bits_in_a_tiff_are_scaled_by_theirs() -> None:
    assert header("mine", twelve_bit_tiff()).values == Range(0, 4095)
    assert np.abs(seen(twelve_bit_tiff()) - STEPS * 255).max() <= 0.51


def test_16_bits_in_colour_are_seen_by_their_upper_byte() -> None:
    """Pillow has no mode for them."""
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = zlib.crc32(kind + body).to_bytes(4, "big")
        return len(body).to_bytes(4, "big") + kind + body + check

    rows = np.stack([SIXTEEN, SIXTEEN[::-1], SIXTEEN.T], -1).astype(">u2")
    body = b"".join(b"\0" + row.tobytes() for row in rows)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0))
    png += chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")
    assert np.array_equal(seen(png, channels=3), rows.astype(np.uint16) >> 8)


@pytest.mark.parametrize("top", [1, 255, 65535])
def test_floats_are_scaled_by_the_range_of_their_set(top: int) -> None:
    content = deep((STEPS * top).astype(np.float32))
    assert np.abs(seen(content, values=Range(0, top)) - STEPS * 255).max() <= 0.51
    with pytest.raises(
        PictureError, match=f"from 0 to {top} may mean anything: .* values=0..65535"
    ):
        seen(content)


def test_whole_numbers_of_32_bits_may_be_negative_or_beyond_two_thousand_million() -> None:
    signed = deep((STEPS * 2000 - 1000).round().astype(np.int32))
    found = seen(signed, values=Range(-1000, 1000, clips=True))
    assert np.abs(found - STEPS * 255).max() <= 0.6
    numbers = (STEPS * (2**32 - 1)).astype(np.uint32).view(np.int32)
    found = seen(retagged(deep(numbers), 339, 1), values=Range(0, 2**32 - 1))  # without a sign
    assert np.abs(found - STEPS * 255).max() <= 0.51


def test_what_lies_beyond_a_range_is_clipped_only_if_asked() -> None:
    content = deep((STEPS * 200).astype(np.float32))
    with pytest.raises(PictureError, match=r"from 0 to 200 are not within 0\.\.100"):
        seen(content, values=Range(0, 100))
    found = seen(content, values=Range(0, 100, clips=True))
    assert np.abs(found - (STEPS * 2).clip(0, 1) * 255).max() <= 0.51
    window = seen(deep(SIXTEEN, "png"), values=Range(0, 255, clips=True))
    assert (window[1:] == 255).all()


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused(odd: float) -> None:
    numbers = STEPS.astype(np.float32)
    numbers[3, 3] = odd
    with pytest.raises(PictureError, match="no numbers, NaN or infinity"):
        seen(deep(numbers), values=Range(0, 1, clips=True))


def test_0_is_white_where_a_tiff_says_so() -> None:
    found = seen(retagged(deep(SIXTEEN), 262, 0))
    assert np.abs(found - (1 - STEPS) * 255).max() <= 0.51


OPACITY = (STEPS * 255).round().astype(np.uint8)
INK = np.zeros((8, 8), np.uint8)


def rgba(colour: int = 0) -> Any:
    return Image.fromarray(np.stack([INK + np.uint8(colour)] * 3 + [OPACITY], -1))


def black_palette() -> Any:
    """64 entries, all black."""
    picture = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).convert("P")
    picture.putpalette([0] * 3 * 64)
    return picture


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "content",
    [
        encoded(rgba()),
        encoded(rgba().convert("LA")),
        encoded(rgba(), "webp", lossless=True, exact=True),
        encoded(rgba(), "tiff"),
        encoded(rgba().convert("LA"), "tiff"),
        retagged(encoded(rgba().convert("LA"), "tiff"), 338, 1),
        encoded(rgba(), "tga"),
        encoded(black_palette(), transparency=bytes(OPACITY.reshape(-1).tolist())),
    ],
    ids=["png", "grey png", "webp", "tiff", "grey tiff", "multiplied tiff", "tga", "palette"],
)  # fmt: skip
def test_a_drawing_in_the_opacity_is_seen_on_white(content: bytes, channels: int) -> None:
    assert header("mine", content).kinds == ("transparent",)
    found = seen(content, channels=channels)
    expected = (1 - STEPS) * 255
    if channels == 3:
        expected = np.stack([expected] * 3, -1)
    assert np.abs(found - expected).max() <= 1.1


def test_the_background_is_chosen() -> None:
    def on(background: Background, colour: int) -> npt.NDArray[Any]:
        return seen(encoded(rgba(colour)), background=background)

    assert np.abs(on("black", 255) - STEPS * 255).max() <= 1
    assert (on("black", 0) == 0).all()
    assert (on("white", 255) == 255).all()
    assert (on("none", 77) == 77).all()  # as if nothing were transparent


@pytest.mark.parametrize(
    ("picture", "clear", "expected"),
    [
        (Image.fromarray(np.uint8([[20, 90]])), 20, [255, 90]),
        (Image.fromarray(np.uint8([[[1, 2, 3], [90, 90, 90]]])), (1, 2, 3), [255, 90]),
        (Image.fromarray(np.array([[True, False]])), 0, [255, 255]),
        (Image.fromarray(np.array([[False, False]])), 1, [0, 0]),
        (Image.fromarray(np.uint16([[5000, 25700]])), 5000, [255, 100]),
    ],
    ids=["grey", "RGB", "one bit", "one bit, black", "16 bits"],
)
def test_one_value_may_be_transparent(picture: Any, clear: Any, expected: list[int]) -> None:
    content = encoded(picture.resize((16, 8), Image.Resampling.NEAREST), transparency=clear)
    found = decode("mine", content, Format(8, 1, background="white"))  # the middle: half and half
    assert found[0, :, [0, -1]].T.tolist() == [expected] * 8


def test_what_is_opaque_is_as_pillow_converts_it() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    for mode in ("RGB", "L", "P", "1", "CMYK", "YCbCr", "HSV"):
        picture = Image.fromarray(noise).convert(mode)
        kind = "tiff" if mode in ("CMYK", "YCbCr") else "png"
        content = encoded(picture if mode != "HSV" else picture.convert("RGB"), kind)
        kept = Image.open(io.BytesIO(content))
        for channels, target in ((1, "L"), (3, "RGB")):
            found = seen(content, channels=channels)
            assert np.array_equal(found, np.asarray(kept.convert(target)))
    opaque = Image.fromarray(noise)
    opaque.putalpha(255)
    assert np.array_equal(seen(encoded(opaque), channels=3), noise)


def test_lab_has_its_colours() -> None:
    lab = ImageCms.applyTransform(
        Image.new("RGB", (8, 8), (200, 30, 60)),
        ImageCms.buildTransform(*map(ImageCms.createProfile, ("sRGB", "LAB")), "RGB", "LAB"),
    )
    found = seen(encoded(lab, "tiff"), channels=3)
    assert np.abs(found.astype(int) - (200, 30, 60)).max() <= 2


def test_as_version_0_1_0_read_them() -> None:
    then: dict[str, Any] = {"background": "none", "revision": 1}
    assert np.array_equal(seen(deep(SIXTEEN, "png"), **then), SIXTEEN.clip(0, 255))
    assert (seen(encoded(rgba()), **then) == 0).all()


@pytest.mark.parametrize(
    ("text", "low", "high"), [("0..1", 0, 1), ("-1024..3071", -1024, 3071), ("0.5..1.5", 0.5, 1.5)]
)
def test_a_range_is_read_as_it_is_written(text: str, low: float, high: float) -> None:
    assert Range.parse(text) == Range(low, high, clips=True)
    assert str(Range.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "1", "1..", "..1", "1..1", "2..1", "a..b", "nan..1", "0..inf"]
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"^values='.*' must be .* as in values=0\.\.65535$"):
        Range.parse(text)
