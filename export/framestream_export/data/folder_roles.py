"""What the folders above a clip are: its class, its split, or its group (a person, a place).

Data sets lie as `<class>/clip.mp4`, but also as `train/<class>/clip.mp4`, `Subject 1/<class>/clip.mp4` or
`<class>/test/clip.mp4`. Names decide where they can: words for splits, people with a number. Where they cannot, and
two levels of folders might both be the classes, a person has to say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from framestream.errors import DataError
from framestream_export.data.folder_names import (
    are_counted,
    are_divisions,
    are_numbered,
    are_people,
    are_places,
    are_storage,
    have_background,
    in_words,
    people_among,
)
from framestream_export.data.split_names import split_named

# So much of all pairs (one folder, one inside it) has to be there before the inner folders count as the same ones.
_SHARED = 0.6
_REMEDY = (
    "say which level of folders names the classes: `framestream data import DATA --class-level N --output"
    " DATA/manifest.csv`"
)


@dataclass(frozen=True, slots=True)
class FolderRoles:
    """Which level of folders says what; levels count from 0, right below the data set's folder.

    Attributes:
        label: The level that names classes; None where labels come from elsewhere.
        split: The level that names splits, or None.
        group: The level that names groups, or None.
        split_names: All folders of the split's level.
        notes: What was recognised, a sentence each; empty for plain class folders.
    """

    label: int | None
    split: int | None = None
    group: int | None = None
    split_names: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    @property
    def pattern(self) -> str:
        """How clips lie, down to the class, for messages: <split>/<class>."""
        names = {self.split: "split", self.group: "group", self.label: "class"}
        return "/".join(f"<{names.get(level, 'folder')}>" for level in range((self.label or 0) + 1))

    def label_of(self, folders: tuple[str, ...]) -> str | None:
        """The class of a clip in these folders, the outermost first; None where they do not go so deep."""
        return _at(folders, self.label)

    def split_of(self, folders: tuple[str, ...]) -> str | None:
        """The split of a clip in these folders, or None."""
        name = _at(folders, self.split)
        return None if name is None else split_named(name, self.split_names)

    def group_of(self, folders: tuple[str, ...]) -> str | None:
        """The group of a clip in these folders, or None."""
        return _at(folders, self.group)


def recognise_roles(chains: Iterable[tuple[str, ...]], *, class_level: int | None = None) -> FolderRoles:
    """Find out what the folders above clips mean.

    Args:
        chains: For each clip the folders it lies in, the outermost first; one at least.
        class_level: The level that names classes, counted from 1, where a person has said so.

    Raises:
        DataError: The folders can be understood in two ways, or none of them can be the classes.
    """
    levels = _Levels(chains)
    if class_level is not None:
        return _as_told(levels, class_level - 1)
    split = _split_level(levels)
    rest = [level for level in levels.all() if level != split]
    people = _people_levels(levels, rest)
    left = [level for level in rest if level not in people]
    if not left:
        _refuse_without_classes(levels.names(people[0] if people else split), "people" if people else "splits")
    told = [level for level in (split, *people) if level is not None]
    while len(left) > 1 and len(levels.names(left[0])) == 1 and any(level > left[0] for level in told):
        left.pop(0)  # a single folder around all splits or people says nothing
    groups = list(people)
    while len(left) > 1 and _is_group_above_classes(levels, left[0], left[1], split):
        groups.append(left.pop(0))
    if are_places(levels.names(left[0])):
        _refuse_without_classes(levels.names(left[0]), "places or takes")
    if _all_splits(levels.names(left[0])):  # in folders of splits, which are found first
        _refuse_without_classes(levels.names(left[0]), "splits")
    return _roles(levels, left[0], split, groups[0] if groups else None)


def recognise_splits(chains: Iterable[tuple[str, ...]]) -> FolderRoles:
    """The splits and people that folders of clips are named after whose labels come from elsewhere, if there are any.

    Args:
        chains: For each clip the folders it lies in, the outermost first.
    """
    levels = _Levels(chains)
    several = [level for level in levels.all() if len(levels.names(level)) > 1]
    split = next((level for level in several if _all_splits(levels.names(level))), None)
    people = next((level for level in several if are_people(levels.names(level))), None)
    return _roles(levels, None, split, people)


def folders_of_frames(paths: Mapping[Path, tuple[str, ...]]) -> dict[Path, tuple[str, ...]]:
    """The folders that may say something about clips which are folders of images themselves.

    A clip's own folder is one where clips of the same names lie in several folders, as in ann/wave/00001.jpg and
    ben/wave/00001.jpg. Where all names differ, or only by numbers, they just count clips.

    Args:
        paths: For each clip the folders down to its own, the outermost first.
    """
    names = {chain[-1] for chain in paths.values()}
    counted = len(names) == len(paths) or are_counted(names)
    return {path: chain[:-1] if counted else chain for path, chain in paths.items()}


class _Levels:
    """The names of folders, level by level."""

    def __init__(self, chains: Iterable[tuple[str, ...]]) -> None:
        self.chains = sorted(set(chains))
        depth = max(map(len, self.chains))
        self._names = [frozenset(chain[level] for chain in self.chains if len(chain) > level) for level in range(depth)]

    def all(self) -> range:
        return range(len(self._names))

    def names(self, level: int | None) -> frozenset[str]:
        return frozenset() if level is None else self._names[level]

    def pairs(self, outer: int, inner: int) -> set[tuple[str, str]]:
        return {(chain[outer], chain[inner]) for chain in self.chains if len(chain) > inner}


def _as_told(levels: _Levels, label: int) -> FolderRoles:
    if label not in levels.all():
        raise DataError(f"there is no level {label + 1} of folders: clips lie {len(levels.all())} deep at most")
    others = [level for level in levels.all() if level != label]
    split = next((level for level in others if _all_splits(levels.names(level))), None)
    above = [level for level in others if level < label and level != split]
    people = [level for level in others if are_people(levels.names(level))]
    return _roles(levels, label, split, next(iter([*people, *above]), None))


def _all_splits(names: Collection[str]) -> bool:
    splits = {split_named(name, names) for name in names}
    numbered = any(name[-1:].isdecimal() for name in names)  # dev1 and dev2 may be devices, train1 and test1 are splits
    return None not in splits and ("train" in splits or not numbered)


def _split_level(levels: _Levels) -> int | None:
    """The level of which all folders are named after splits.

    A folder that is called so among others (the vehicle `train` beside `bus`) is a class like them.

    Raises:
        DataError: Several splits lie beside folders that are none.
    """
    for level in levels.all():
        names = levels.names(level)
        if _all_splits(names):
            return level
        named = {name for name in names if split_named(name)}
        if len({split_named(name) for name in named}) > 1:
            raise DataError(
                f"the folders {in_words(named)} are named after splits, and beside them lies"
                f" {in_words(names - named)}, which is none: move it away (films in which nothing happens can be given"
                f" with --negatives), or {_REMEDY}"
            )
    return None


def _people_levels(levels: _Levels, among: Sequence[int]) -> list[int]:
    """The levels of which all folders are named after people.

    Raises:
        DataError: Most folders of the first of these levels are, and some are not.
    """
    for level in among[:1]:
        names = levels.names(level)
        people = people_among(names)
        if len(among) > 1 and len(people) > 1 and len(names) / 2 <= len(people) < len(names):
            raise DataError(
                f"the folders {in_words(people)} are named after people, and beside them lies"
                f" {in_words(names - people)}, which is not: move it away, or {_REMEDY}"
            )
    return [level for level in among if are_people(levels.names(level))]


def _refuse_without_classes(names: Collection[str], what: str) -> NoReturn:
    raise DataError(
        f"the folders {in_words(names)} are named after {what}, and no folders in them name classes: lay clips out as"
        f" {sorted(names)[0]}/<class>/clip.mp4, list them in a manifest.csv, or, if these are the classes, {_REMEDY}"
    )


def _is_group_above_classes(levels: _Levels, outer: int, inner: int, split: int | None) -> bool:
    """Whether the classes are the inner of two levels.

    Raises:
        DataError: Each of both levels might be the classes.
    """
    outer_names, inner_names, pairs = levels.names(outer), levels.names(inner), levels.pairs(outer, inner)
    shared = {name for name in inner_names if sum(one == name for _, one in pairs) > 1}
    if not shared or len(inner_names) < 2 or are_storage(inner_names):
        return False
    if are_divisions(outer_names) and split is not None:
        raise DataError(
            f"the folders {in_words(outer_names)} are divisions of the same clips: give one of them as DATA"
        )
    if are_numbered(outer_names) != are_numbered(inner_names):
        return are_numbered(outer_names)
    if have_background(outer_names) != have_background(inner_names):
        return have_background(inner_names)
    if len(shared) < 2 and len(pairs) < _SHARED * len(outer_names) * len(inner_names):
        return False
    raise DataError(
        f"the folders {in_words(outer_names)} hold folders of the same names ({in_words(inner_names)}), so each of both"
        f" might be the classes: {_REMEDY}, with {outer + 1} for {in_words(outer_names)} and {inner + 1} for"
        f" {in_words(inner_names)}"
    )


def _roles(levels: _Levels, label: int | None, split: int | None, group: int | None) -> FolderRoles:
    group_names, classes = levels.names(group), levels.names(label)
    if len(group_names) < 2:  # of one person only: nothing to keep apart
        group = None
    notes = []
    said = [f"splits {in_words(levels.names(split))}"] if split is not None else []
    said += [f"groups, kept in one split each, {in_words(group_names)}"] if group is not None else []
    if said:
        said += [f"classes {in_words(classes)}"] if label is not None else []
        notes.append(f"folders are recognised by their names: {'; '.join(said)}")
    if alone := {name for name in classes if split_named(name)}:
        others = in_words(classes - alone) or "nothing else"
        notes.append(f"the folder {in_words(alone)} is a class here, beside {others}, not a split")
    return FolderRoles(label, split, group, levels.names(split), tuple(notes))


def _at(folders: tuple[str, ...], level: int | None) -> str | None:
    return folders[level] if level is not None and level < len(folders) else None
