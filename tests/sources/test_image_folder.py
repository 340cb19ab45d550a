import logging
import os
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from framestream import Classifier, End, Event, SettingsError, Start, UnreadableSourceError
from framestream.sources import ImageSequence, SourceOptions, open_source
from framestream.sources.image_folder import natural_order
from tests.conftest import colour_image


def write_images(folder: Path, *names: str, colour: str = "red") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / name), colour_image(colour))


def times_and_images(source: ImageSequence) -> list[tuple[float, np.ndarray]]:
    found = []
    while (pts_seconds := source.grab()) is not None:
        found.append((pts_seconds, source.retrieve()))
    source.close()
    return found


def test_what_is_no_file_is_skipped(tmp_path: Path) -> None:
    for number in (0, 3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), colour_image("red"))
    # Nobody writes to it, so reading would wait for ever.
    os.mkfifo(tmp_path / "1.png")
    (tmp_path / "2.png").mkdir()
    (tmp_path / "4.png").symlink_to("/dev/zero")
    (tmp_path / "5.png").symlink_to("5.png")
    images = ImageSequence(tmp_path, image_rate=10)
    assert [images.grab(), images.grab(), images.grab()] == [0.0, 0.3, None]


def test_numbers_in_names_count_as_numbers() -> None:
    names = ["b1", "a10/1.png", "a2/10.png", "a2/9.png", "A2/1.png", "2.png", "10.png", "1a.png", "a.png", "٣.png"]
    assert sorted(names, key=natural_order) == [
        "1a.png",
        "2.png",
        "٣.png",
        "10.png",
        "A2/1.png",
        "a2/9.png",
        "a2/10.png",
        "a10/1.png",
        "a.png",
        "b1",
    ]


def test_a_folder_gives_its_images_and_nothing_else(tmp_path: Path) -> None:
    write_images(tmp_path, "1.png", "2.JPG", "3.bmp", "deeper/4.png")
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "._1.png").write_bytes(b"left by another system")
    source = ImageSequence(tmp_path, image_rate=4)
    assert (source.info.declared_frames, source.info.declared_fps, source.info.size_wh) == (3, 4, (64, 48))
    assert [pts_seconds for pts_seconds, _ in times_and_images(source)] == [0, 0.25, 0.5]


def test_a_pattern_reaches_into_folders_and_takes_any_ending(tmp_path: Path) -> None:
    write_images(tmp_path, "day1/1.png", "day2/10.png", "day2/9.png", "day10/1.png")
    (tmp_path / "day2" / "9.png").rename(tmp_path / "day2" / "9.data")
    source = ImageSequence(str(tmp_path / "**" / "*.*"), image_rate=1)
    assert source.info.declared_frames == 4
    assert len(times_and_images(source)) == 4


@pytest.mark.parametrize("content", [b"", b"text, and no image", None], ids=["empty", "text", "cut off"])
@pytest.mark.parametrize("damaged", [0, 1])
def test_an_unreadable_image_is_skipped_by_name_and_keeps_its_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes | None, damaged: int
) -> None:
    write_images(tmp_path, "0.png", "1.png", "2.png")
    path = tmp_path / f"{damaged}.png"
    path.write_bytes(path.read_bytes()[:20] if content is None else content)
    with caplog.at_level(logging.WARNING):
        found = times_and_images(ImageSequence(tmp_path, image_rate=10))
    assert [pts_seconds for pts_seconds, _ in found] == [index / 10 for index in range(3) if index != damaged]
    assert caplog.text.count(f"{path} is not an image that can be read; skipped") == 1


def test_thousands_of_damaged_images_are_not_thousands_of_lines(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for index in range(50):
        (tmp_path / f"{index}.png").write_bytes(b"damaged")
    write_images(tmp_path, "50.png")
    with caplog.at_level(logging.WARNING):
        assert [pts_seconds for pts_seconds, _ in times_and_images(ImageSequence(tmp_path, image_rate=1))] == [50]
    assert len(caplog.records) == 10
    assert "further ones are not reported" in caplog.text


def test_a_folder_in_which_nothing_decodes_is_one_error(tmp_path: Path) -> None:
    for name in ("1.png", "2.png"):
        (tmp_path / name).write_bytes(b"damaged")
    with pytest.raises(UnreadableSourceError, match="none of the 2 images could be read"):
        ImageSequence(tmp_path, image_rate=1)


def test_an_image_that_goes_away_meanwhile_is_skipped(tmp_path: Path) -> None:
    write_images(tmp_path, "0.png", "1.png", "2.png")
    source = ImageSequence(tmp_path, image_rate=1)
    (tmp_path / "1.png").unlink()
    assert [pts_seconds for pts_seconds, _ in times_and_images(source)] == [0, 2]


@pytest.mark.parametrize(
    "image",
    [
        np.full((48, 64), 200, np.uint8),
        np.full((48, 64), 200 << 8, np.uint16),
        np.full((48, 64, 3), 200 << 8, np.uint16),
        np.full((48, 64, 4), 200, np.uint8),
    ],
    ids=["gray", "gray 16-bit", "colour 16-bit", "transparent"],
)
def test_every_kind_of_image_becomes_8_bit_bgr(tmp_path: Path, image: np.ndarray) -> None:
    assert cv2.imwrite(str(tmp_path / "1.png"), image)
    ((_, found),) = times_and_images(ImageSequence(tmp_path, image_rate=1))
    assert (found.dtype, found.shape) == (np.uint8, (48, 64, 3))
    assert set(found.ravel()) == {200}


def test_a_photos_orientation_is_applied(tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "1.jpg"), colour_image("red"))
    content = (tmp_path / "1.jpg").read_bytes()
    # An APP1 segment right after the start of the image: one Exif tag, orientation 6 (turn right by 90 degrees).
    tag = b"\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00"
    exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01" + tag + b"\0\0\0\0"
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    (tmp_path / "1.jpg").write_bytes(content[:2] + segment + content[2:])
    source = ImageSequence(tmp_path, image_rate=1)
    assert source.info.size_wh == (48, 64)
    source.close()


def test_a_name_that_is_not_utf_8_is_read(tmp_path: Path) -> None:
    write_images(tmp_path, "1.png")
    (tmp_path / "1.png").rename(os.fsdecode(os.fsencode(tmp_path) + b"/1\xff.png"))
    assert len(times_and_images(ImageSequence(tmp_path, image_rate=1))) == 1


def test_a_folder_one_may_not_list_is_told() -> None:
    # Not in tmp_path: another user may not even enter the folders above.
    folder = tempfile.mkdtemp()
    os.chmod(folder, 0o000)
    is_root = os.geteuid() == 0
    # Root may list everything.
    os.seteuid(65534 if is_root else os.geteuid())
    try:
        with pytest.raises(UnreadableSourceError, match=r"cannot be listed .*check its permissions"):
            ImageSequence(folder, image_rate=1)
    finally:
        os.seteuid(0 if is_root else os.geteuid())
        os.rmdir(folder)


@pytest.mark.parametrize("rate", [0, -1, float("inf")])
def test_a_rate_that_is_none_is_refused(tmp_path: Path, rate: float) -> None:
    with pytest.raises(SettingsError, match="image_rate is"):
        ImageSequence(tmp_path, image_rate=rate)


def test_a_folder_is_watched_like_a_film(tmp_path: Path, classifier: Classifier) -> None:
    for index in range(20):
        write_images(tmp_path, f"{index}.png", colour="red" if index < 10 else "blue")
    source = open_source(tmp_path, options=SourceOptions(image_rate=5))
    start, *middle, end = classifier.watch(source)
    source.close()
    assert isinstance(start, Start)
    assert isinstance(end, End)
    # Five images a second for a model that sees ten: each is held once, and that is said.
    assert start.slower_than_model
    assert (end.frames_read, end.frames_held, end.media_seconds) == (20, 19, pytest.approx(4.0))
    assert [(item.label, item.start_seconds, item.end_seconds) for item in middle if isinstance(item, Event)] == [
        ("red", 0.0, pytest.approx(2.0))
    ]
