"""Footage in which nothing happens: every film below a folder, or named, is background from beginning to end."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

from framestream.errors import DataError
from framestream_export.data.footage import Recording, Segment, shown_name
from framestream_export.data.footage_files import is_video, walk
from framestream_export.data.problems import Problems


def read_negatives(folder: Path, problems: Problems, *, background: str) -> list[Recording]:
    """All films below `folder`, named after it, each with the background label for its whole length.

    A folder right below it (a camera, a place) is one group; a film that lies in none is a group of its own.

    Raises:
        DataError: `folder` is not a folder, or holds no film.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; give one that holds films in which nothing happens")
    recordings = []
    for here, _, files in walk(folder, problems):
        for name in filter(is_video, files):
            path = here / name
            inside = Path(shown_name(path, folder))
            recordings.append(
                Recording(
                    path=path,
                    name=f"{folder.name}/{inside.as_posix()}",
                    segments=(Segment(0.0, math.inf, background),),
                    group=f"{folder.name}/{inside.parts[0]}",
                )
            )
    if not recordings and not len(problems):
        raise DataError(f"{folder} holds no video; give a folder of films in which nothing happens")
    return recordings


def read_eventless(places: Sequence[Path], *, background: str) -> list[Recording]:
    """Films in which nothing happens, each once: those that are named, and all below folders.

    Raises:
        DataError: A place is not there, or is a folder without a film.
    """
    problems, found = Problems(), dict[str, Recording]()
    for place in places:
        if place.is_dir():
            films = read_negatives(place, problems, background=background)
        elif place.is_file():
            segment = Segment(0.0, math.inf, background)
            films = [Recording(place, shown_name(place, place.parent), (segment,), place.parent.name)]
        else:
            raise DataError(f"{place} does not exist; give films in which nothing happens, or folders of them")
        for film in films:
            found.setdefault(os.path.realpath(film.path), film)
    problems.check(places[0])
    return list(found.values())
