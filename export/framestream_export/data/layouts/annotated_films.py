"""Films that an annotation file names, found on the disk and made into recordings: what such layouts have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from framestream.errors import DataError
from framestream_export.data.footage import Recording, Segment, shown_name
from framestream_export.data.layouts.layout import Found, Reading, missing_clips
from framestream_export.data.layouts.video_index import VideoIndex


@dataclass(frozen=True, slots=True)
class AnnotatedFilm:
    """A film as an annotation file describes it.

    Attributes:
        place: Where in which file it stands, for errors.
        names: File names it may have, the likeliest first, with or without suffix.
        segments_in: Gives its labelled segments, by the path of the film, whose frame times may matter.
        group: The group it belongs to; None makes it one of its own.
        split: Its split, or None.
        fill_background: Whether time outside all segments is background, or unlabelled.
    """

    place: str
    names: tuple[str, ...]
    segments_in: Callable[[Path], Sequence[Segment]]
    group: str | None = None
    split: str | None = None
    fill_background: bool = True


def known(segments: Sequence[Segment]) -> Callable[[Path], Sequence[Segment]]:
    """Segments that are known before the film is found."""
    return lambda _: segments


def find_films(films: Iterable[AnnotatedFilm], reading: Reading, *, root: Path, by: str) -> Found:
    """The recordings of films that are there; those that are not are warned of.

    Args:
        films: The films that were annotated.
        reading: Options; what is wrong with a film is noted in its `problems`.
        root: The data set's folder.
        by: What lists the films, for messages.

    Raises:
        DataError: None of the films is there.
    """
    videos = VideoIndex(root, reading.problems)
    recordings: dict[Path, Recording] = {}
    missing: list[str] = []
    before = len(reading.problems)
    for film in films:
        with reading.problems.about(film.place), as_described():
            video = next(filter(None, map(videos.find, film.names)), None)
            if video is None:
                missing.append(film.names[0])
            elif video in recordings:
                raise DataError(f"{video} has come before; keep one of both annotations")
            else:
                name = shown_name(video, root)
                segments = tuple(film.segments_in(video))
                recordings[video] = Recording(
                    video, name, segments, film.group or name, film.split, fill_background=film.fill_background
                )
    listed = len(recordings) + len(missing) + len(reading.problems) - before
    return Found(tuple(recordings.values()), tuple(missing_clips(missing, listed, by=by, converted=videos.converted())))


@contextmanager
def as_described(what: str = "was expected") -> Iterator[None]:
    """Say so where a part of an annotation file is not built as its format says.

    Args:
        what: What it should be, as in "it is not what Label Studio exports".

    Raises:
        DataError: Instead of what comes of missing keys and values of other types.
    """
    try:
        yield
    except DataError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise DataError(f"it is not what {what} ({type(error).__name__}: {error})") from error


def file_name(address: str) -> str:
    """The name of the file that a path or address of any system ends with."""
    return PureWindowsPath(PurePosixPath(address).name).name
