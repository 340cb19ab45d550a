"""The definition of a layout of labelled video: a name, a test whether a folder is laid out so, and a reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from framestream.errors import DataError, SettingsError
from framestream_export.data.footage import Recording
from framestream_export.data.problems import Problems

_NAMED = 5


@dataclass(frozen=True, slots=True)
class Reading:
    """Options for reading a data set.

    Attributes:
        split_number: Number of the official division to take, 1 to 3.
        frame_rate: Frames per second that the tool counted which wrote the labels; None finds out from the film.
        group_column: The column that groups the recordings of a manifest; None is "group".
        class_level: The level of folders that names classes, from 1; None finds out.
        problems: Where to note what is wrong.
    """

    split_number: int = 1
    frame_rate: float | None = None
    group_column: str | None = None
    class_level: int | None = None
    problems: Problems = field(default_factory=Problems)

    def __post_init__(self) -> None:
        """Refuse numbers that no data set has."""
        if not 1 <= self.split_number <= 3:
            raise SettingsError(f"split number {self.split_number} is none of 1, 2, 3")
        if self.class_level is not None and self.class_level < 1:
            raise SettingsError(f"class level {self.class_level} is no level of folders; 1 is right below DATA")
        if self.frame_rate is not None and not 0 < self.frame_rate <= 1000:
            raise SettingsError(f"frame rate {self.frame_rate} is not above 0 and at most 1000 per second")

    def check(self, takes: frozenset[str], *, layout: str) -> None:
        """Refuse options that would do nothing.

        Raises:
            SettingsError: An option was given that this layout does not take.
        """
        if layout not in ("folders", "manifest") and "group_column" not in takes:
            self.check_groups(f"is laid out as {layout}")
        given = {
            "split_number": self.split_number != 1,
            "frame_rate": self.frame_rate is not None,
            "class_level": self.class_level is not None,
        }
        for name, was_given in given.items():
            if was_given and name not in takes:
                option = name.replace("_", "-")
                raise SettingsError(f"--{option} means nothing to data that is laid out as {layout}; leave it out")

    def check_groups(self, what: str) -> None:
        """Refuse a column to group by where there are no columns.

        Args:
            what: What the data is instead, a few words.

        Raises:
            SettingsError: A column to group by was given.
        """
        if self.group_column not in (None, "group"):
            raise SettingsError(
                f"--by {self.group_column} names a column of a manifest, and this data {what}: leave it out, or write a"
                " manifest with `framestream data import` and add the column"
            )


@dataclass(frozen=True, slots=True)
class Found:
    """What a reader found: recordings, and what a person should know about them."""

    recordings: tuple[Recording, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DataSetLayout:
    """A layout of labelled video.

    Attributes:
        name: The layout's name, as given to `--layout`.
        is_here: Whether a folder or file is laid out so, by what lies in it.
        read: Reads a data set of this layout; raises DataError where it cannot.
        takes: Names of the options of `Reading` that this layout uses.
    """

    name: str
    is_here: Callable[[Path], bool]
    read: Callable[[Path, Reading], Found]
    takes: frozenset[str] = frozenset()


def list_folder(data: Path, pattern: str) -> Path | None:
    """The folder that holds files of a pattern: the data's own, or one right below it."""
    if not data.is_dir():
        return None
    for folder in (data, *sorted(inner for inner in data.iterdir() if inner.is_dir())):
        if next(folder.glob(pattern), None) is not None:
            return folder
    return None


def missing_clips(
    missing: Sequence[str], listed: int, *, by: str, converted: Mapping[str, str] | None = None
) -> list[str]:
    """Warnings that name clips which are listed and not there, or there with another suffix.

    Args:
        missing: Names of clips that are not there.
        listed: How many clips are listed.
        by: What lists them, for the messages.
        converted: Names of clips that have another suffix on the disk, and their names there.

    Raises:
        DataError: None of the listed clips is there.
    """
    converted = converted or {}
    warnings = []
    if converted:
        some = [f"{name} is {found}" for name, found in list(converted.items())[:_NAMED]]
        more = ", …" if len(converted) > _NAMED else ""
        warnings.append(f"{len(converted)} clips have another suffix than {by} gives them: {', '.join(some)}{more}")
    if not missing:
        return warnings
    named = ", ".join(missing[:_NAMED]) + (", …" if len(missing) > _NAMED else "")
    if len(missing) == listed:
        raise DataError(
            f"none of the {listed} clips that {by} lists is there ({named}); put the videos beside the lists"
        )
    return [*warnings, f"{len(missing)} of {listed} clips that {by} lists are not here: {named}"]
