import io
import os

import numpy as np
import pytest

from evo_nas.data.decode import RATIOS, Header, decode, header, random_part
from evo_nas.data.format import Format
from evo_nas.errors import DataError, PictureError
from tests.kit.images import Image, encoded

ImageOps = pytest.importorskip("PIL.ImageOps")


def generator(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def ramp():
    """Red says how far to the right, green how far down."""
    pixels = np.zeros((100, 200, 3), dtype=np.uint8)
    pixels[..., 0] = np.arange(200)
    pixels[..., 1] = np.arange(100)[:, None]
    return encoded(Image.fromarray(pixels))


def seen(pixels):
    """The part of the ramp: left, right, top, bottom."""
    return tuple(int(pixels[c].min() if low else pixels[c].max()) for c in (0, 1) for low in (1, 0))


def test_the_middle_is_seen(ramp):
    assert header("ramp", ramp) == Header("RGB", 200, 100, (), None, "PNG")
    assert seen(decode("ramp", ramp, Format(100, 3))) == (50, 149, 0, 99)
    middle = seen(decode("ramp", ramp, Format(50, 3, crop_share=0.5)))
    assert middle == pytest.approx((75, 124, 25, 74), abs=1)


@pytest.mark.parametrize("size", [(500, 375), (375, 500), (256, 256), (30, 90)])
def test_the_usual_evaluation_is_the_shorter_side_resized_and_its_middle_cut_out(size):
    noise = generator().integers(0, 256, (6, 6, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)
    content = encoded(picture)
    scale = 64 / min(size)
    whole = picture.resize([round(side * scale) for side in size], Image.Resampling.BICUBIC)
    left, top = (whole.width - 56) / 2, (whole.height - 56) / 2
    expected = np.asarray(whole.crop((round(left), round(top), round(left) + 56, round(top) + 56)))
    found = decode("noise", content, Format(56, 3, 0.875)).transpose(1, 2, 0).astype(int)
    apart, shifted = (np.abs(found - np.roll(expected, shift, 1)).mean() for shift in (0, 2))
    assert apart < 0.4 * shifted  # half a pixel: ours is in the middle to a fraction of one


def test_whole_pictures_are_fitted_as_pillow_does():
    noise = generator().integers(0, 256, (33, 47, 3), dtype=np.uint8)
    expected = ImageOps.fit(Image.fromarray(noise), (16, 16), Image.Resampling.BICUBIC)
    found = decode("noise", encoded(Image.fromarray(noise)), Format(16, 3))
    assert np.array_equal(found.transpose(1, 2, 0), np.asarray(expected))
    square = encoded(Image.fromarray(noise[:32, :32]))
    assert np.array_equal(decode("n", square, Format(32, 3)).transpose(1, 2, 0), noise[:32, :32])


def test_random_parts_have_the_areas_and_ratios_that_were_asked_for():
    random, size = generator(), (500, 375)
    boxes = np.array([random_part(size, (0.08, 1.0), random) for _ in range(3000)])
    widths, heights = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    assert boxes.min() >= 0
    assert boxes[:, 2].max() <= 500
    assert boxes[:, 3].max() <= 375
    shares, ratios = widths * heights / (500 * 375), widths / heights
    assert shares.min() == pytest.approx(0.08, abs=0.01)
    assert shares.max() > 0.95
    assert ratios.min() == pytest.approx(RATIOS[0], abs=0.02)
    assert ratios.max() == pytest.approx(RATIOS[1], abs=0.02)
    assert 0.4 < shares.mean() < 0.56
    assert np.abs(np.log(ratios).mean()) < 0.05
    centres = (boxes[:, 0] + boxes[:, 2]) / 1000
    assert centres.mean() == pytest.approx(0.5, abs=0.02)
    assert centres.std() > 0.1


@pytest.mark.parametrize(
    ("size", "box"),
    [((900, 30), (430, 0, 470, 30)), ((30, 900), (0, 430, 30, 470)), ((1, 1), (0, 0, 1, 1))],
)
def test_of_very_long_and_smallest_pictures_the_middle_is_taken(size, box):
    assert random_part(size, (0.9, 1.0), generator()) == box


def test_what_is_cropped_is_the_random_part(ramp):
    chosen = Format(40, 3)
    for seed in range(5):
        box = random_part((200, 100), (0.3, 0.6), generator(seed))
        found = decode("ramp", ramp, chosen, (0.3, 0.6), seed)
        left, right, top, bottom = seen(found)
        assert (left, top, right + 1, bottom + 1) == pytest.approx(box, abs=2)
        assert np.array_equal(found, decode("ramp", ramp, chosen, (0.3, 0.6), seed))


@pytest.mark.parametrize("crop", [None, (0.2, 0.3)])
def test_large_jpegs_are_decoded_small_and_look_the_same(crop, monkeypatch):
    coarse = generator().integers(0, 256, (12, 20, 3), dtype=np.uint8)
    big = Image.fromarray(coarse).resize((1600, 960), Image.Resampling.BICUBIC)
    content = encoded(big, "jpeg", quality=95)
    chosen = Format(64, 3)

    def decoded():
        return decode("big", content, chosen, crop, 4).astype(int)

    fast, scales = decoded(), []
    jpeg = type(Image.open(io.BytesIO(content)))
    monkeypatch.setattr(jpeg, "draft", lambda *asked: scales.append(asked))  # does nothing
    assert 0 < np.abs(fast - decoded()).mean() < 2
    assert scales


def test_grey_pictures_have_one_channel():
    grey = encoded(Image.new("L", (30, 20), 77))
    assert decode("grey", grey, Format(8, 1)).tolist() == [[[77] * 8] * 8]
    assert decode("grey", grey, Format(8, 3)).shape == (3, 8, 8)


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"x" * 40])
def test_what_is_no_picture_is_named(content):
    for wanted in (header, lambda *a: decode(*a, Format(8, 3))):
        with pytest.raises(DataError, match=r"picture mine cannot be decoded .*repair or remove"):
            wanted("mine", content)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # about odd metadata
@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "bmp", "webp", "tiff"])
def test_damaged_files_of_any_kind_are_told_as_such_or_decoded(kind):
    pixels = generator().integers(0, 256, (40, 40, 3), dtype=np.uint8)
    whole = encoded(Image.fromarray(pixels), kind)
    for seed in range(30):
        damaged = bytearray(whole)
        for place in generator(seed).integers(0, len(whole), 20):
            damaged[place] ^= 0x5A
        try:
            assert decode("mine", bytes(damaged), Format(8, 3)).shape == (3, 8, 8)
        except DataError as error:
            assert "\n" not in str(error)  # noqa: PT017  either outcome will do


@pytest.mark.parametrize("kind", ["FIFO", "device"])
def test_what_is_no_file_is_not_opened(kind, tmp_path):
    path = tmp_path / "a.png"
    os.mkfifo(path) if kind == "FIFO" else path.symlink_to("/dev/zero")
    for read in (header, lambda *it: decode(*it, Format(8, 3))):
        with pytest.raises(PictureError, match=r"a\.png .*no regular file"):
            read(str(path), str(path))


def held(kind, orientation):
    """A picture, 64 x 32, white at the upper left, as a camera that was held so keeps it."""
    pixels = np.full((32, 64, 3), 20, dtype=np.uint8)
    pixels[:16, 16:32] = 250  # upper left of the middle square
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's ways to turn, each undoing one
    picture = Image.fromarray(pixels)
    if orientation in back:
        picture = picture.transpose(Image.Transpose(back[orientation]))
    told = Image.Exif()
    told[0x0112] = orientation
    options = {"quality": 95} if kind in ("jpeg", "webp", "avif") else {}
    return encoded(picture, kind, exif=told, **options)


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "tiff", "mpo", "avif"])
@pytest.mark.parametrize("orientation", range(10))
def test_pictures_are_turned_as_the_camera_was_held(kind, orientation):
    content = held(kind, orientation)
    assert (header("mine", content).kinds == ("turned",)) == (
        2 <= orientation <= 8 and kind != "tiff"  # Pillow itself turns those, and always did
    )
    for chosen, crop in ((Format(8, 3), None), (Format(8, 1), (1.0, 1.0))):
        quarters = decode("mine", content, chosen, crop, 3)[0].reshape(2, 4, 2, 4).mean((1, 3))
        if crop is None:
            assert np.abs(quarters - [[250, 20], [20, 20]]).max() < 15
        else:  # all of its height, from somewhere
            assert quarters[0].max() > quarters[1].max() + 100


def test_a_large_jpeg_is_turned_and_decoded_small():
    pixels = np.zeros((1600, 960, 3), dtype=np.uint8)
    pixels[:800] = 255
    told = Image.Exif()
    told[0x0112] = 6  # a quarter to the right
    content = encoded(Image.fromarray(pixels), "jpeg", exif=told)
    found = decode("mine", content, Format(16, 1))[0]
    assert found.mean(0)[:7].max() < 5
    assert found.mean(0)[9:].min() > 250


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_turns_nothing():
    content = encoded(Image.new("L", (8, 8), 9), "jpeg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert header("mine", content).kinds == ()
    assert (decode("mine", content, Format(8, 1)) == 9).all()


@pytest.mark.parametrize("kind", ["gif", "tiff", "png", "webp"])
def test_of_several_pictures_in_a_file_the_first_is_read(kind):
    frames = [Image.new("RGB", (8, 8), (value, value, value)) for value in (40, 200)]
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    assert np.abs(decode("mine", content, Format(8, 1)).astype(int) - 40).max() <= 2
