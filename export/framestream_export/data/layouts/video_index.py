"""Finding clips by name: lists of public data sets name files, and everybody keeps them in other folders."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from framestream.errors import DataError
from framestream_export.data.footage_files import is_video, walk
from framestream_export.data.frame_folders import are_frames
from framestream_export.data.paths import to_nfc
from framestream_export.data.problems import Problems


class VideoIndex:
    """All videos below a folder, by name: in whichever Unicode form, and also with another suffix than a list says."""

    def __init__(self, root: Path, problems: Problems) -> None:
        """List the videos below a folder."""
        self._by_name: dict[str, list[Path]] = {}
        self._by_stem: dict[str, list[Path]] = {}
        self._converted: dict[str, str] = {}
        for here, _, files in walk(root, problems):
            videos = list(filter(is_video, files))
            if not videos and are_frames(files):
                self._by_name.setdefault(to_nfc(here.name), []).append(here)
                self._by_stem.setdefault(to_nfc(here.name), []).append(here)
            for name in videos:
                path = here / name
                self._by_name.setdefault(to_nfc(name), []).append(path)
                self._by_stem.setdefault(to_nfc(path.stem), []).append(path)

    def names(self) -> list[str]:
        """The file names of all videos, sorted."""
        return sorted(self._by_name)

    def paths(self) -> set[Path]:
        """The paths of all videos below the folder."""
        return {path for paths in self._by_name.values() for path in paths}

    def converted(self) -> dict[str, str]:
        """Names that were asked for, and the files with another suffix that were found for them."""
        return dict(self._converted)

    def find(self, name: str, *, prefer: Sequence[str] = ()) -> Path | None:
        """The video of that name, or else of that name with another suffix; or None.

        Args:
            name: File name of the video, with its suffix.
            prefer: Names of folders: where several files have the name, the one in most of these folders is meant.

        Raises:
            DataError: Several files have that name, and nothing decides which is meant.
        """
        name = to_nfc(name)
        if paths := self._by_name.get(name):
            return _meant(name, paths, prefer)
        stem = os.path.splitext(name)[0] if is_video(name) else name
        found = _meant(name, self._by_stem.get(stem, []), prefer)
        if found is not None and is_video(name):
            self._converted[name] = found.name
        return found


def _meant(name: str, paths: list[Path], prefer: Sequence[str]) -> Path | None:
    if len(paths) < 2:
        return paths[0] if paths else None
    wanted = {folder.casefold() for folder in prefer}
    scores = [len(wanted & {part.casefold() for part in path.parts[:-1]}) for path in paths]
    best = [path for path, score in zip(paths, scores, strict=True) if score == max(scores)]
    if len(best) > 1:
        raise DataError(f"{len(best)} files are called {name}: {', '.join(map(os.fspath, best))}; keep one")
    return best[0]
