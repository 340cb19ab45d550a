"""A picture of each label's clips, to see at a glance what is labelled wrong."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np

from framestream.errors import SettingsError
from framestream.frames import Image
from framestream_export.data.check.probing import Probe
from framestream_export.data.check.thumbnails import PICTURE_WH, PICTURES, decode_picture
from framestream_export.files import make_writable, write_atomically

MOST_ON_A_SHEET = 48
_COLUMNS = 3
_CAPTION_PIXELS = 18
_GAP_PIXELS = 8
_INK, _GROUND = (230, 230, 230), (32, 32, 32)
_LONGEST_NAME_BYTES = 120


def write_sheets(folder: Path, probes: Sequence[Probe], labels: Sequence[str]) -> list[Path]:
    """Write a PNG for every label that has pictures; what each clip looks like from its first frame to its last.

    Args:
        folder: Folder that the sheets are written to.
        probes: Readings, with pictures of the labels.
        labels: All labels, in the order of the sheets.

    Returns:
        The files, in the order of the labels.

    Raises:
        SettingsError: The sheets cannot be written.
    """
    make_writable(folder)
    taken: set[str] = set()
    written = []
    for label in labels:
        strips = [(one.recording.name, one.pictures[label]) for one in probes if one.pictures.get(label)]
        name = file_name(label, taken)
        if strips:
            written.append(_write(folder / f"{name}.png", _draw(strips[:MOST_ON_A_SHEET])))
    return written


def file_name(label: str, taken: set[str]) -> str:
    """A file name without suffix that stands for a label on any file system; it is added to those that are `taken`."""
    text = unicodedata.normalize("NFC", label)
    text = re.sub(r"[^\w .+-]", "_", text).strip(" .")
    text = text.encode()[:_LONGEST_NAME_BYTES].decode(errors="ignore").strip(" .") or "_"
    name, number = text, 1
    # File systems that do not distinguish A from a are common.
    while name.casefold() in taken:
        number += 1
        name = f"{text}~{number}"
    taken.add(name.casefold())
    return name


def _draw(strips: Sequence[tuple[str, Iterable[bytes]]]) -> Image:
    strip_wide = PICTURES * PICTURE_WH[0]
    cell_wide, cell_high = strip_wide + _GAP_PIXELS, PICTURE_WH[1] + _CAPTION_PIXELS + _GAP_PIXELS
    columns = min(_COLUMNS, len(strips))
    rows = -(-len(strips) // columns)
    sheet = np.full((rows * cell_high + _GAP_PIXELS, columns * cell_wide + _GAP_PIXELS, 3), _GROUND, np.uint8)
    for number, (name, pictures) in enumerate(strips):
        row, column = divmod(number, columns)
        left, top = column * cell_wide + _GAP_PIXELS, row * cell_high + _GAP_PIXELS
        for place, jpeg in enumerate(pictures):
            x = left + place * PICTURE_WH[0]
            sheet[top : top + PICTURE_WH[1], x : x + PICTURE_WH[0]] = decode_picture(jpeg)
        _write_caption(sheet, name, (left, top + PICTURE_WH[1] + 13), strip_wide)
    return sheet


def _write_caption(sheet: Image, name: str, place: tuple[int, int], wide: int) -> None:
    """The end of a name, where clips differ. OpenCV draws ASCII only; other letters become question marks."""
    text = unicodedata.normalize("NFKD", name).encode("ascii", errors="replace").decode()
    text = re.sub(r"(?<=[A-Za-z])\?", "", text)  # the accent of a letter that has been taken apart
    while cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.4, 1)[0][0] > wide and len(text) > 4:
        text = f"...{text[4 if text.startswith('...') else 1 :]}"
    cv2.putText(sheet, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, _INK, 1, cv2.LINE_AA)


def _write(path: Path, sheet: Image) -> Path:
    encoded, png = cv2.imencode(".png", sheet)
    if not encoded:
        raise SettingsError("OpenCV cannot write PNG pictures here; see `framestream doctor`")
    write_atomically(path, lambda stream: stream.write(bytes(png)))
    return path
