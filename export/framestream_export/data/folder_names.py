"""What the names of folders that lie beside each other say: people, numbered things, places to store files."""

from __future__ import annotations

import re
from collections.abc import Collection

# Folders of these names hold one person's clips each. Single letters are how data sets number them (s01, p3).
_PEOPLE = (
    "subject|subj|sbj|sub|person|pers|people|participant|partic|part|actor|performer|user|volunteer|vol|patient|signer"
    "|speaker|human|adult|child|elder|man|woman|male|female|player|worker|driver|athlete|student|id|pid|sid|uid|s|p|u"
)
_PERSON = re.compile(rf"(?:{_PEOPLE})[\s_.-]*\d+|(?:{_PEOPLE})[\s_.-]+[a-z]")
_PLACE = re.compile(
    r"(?:.*[\W_])?(?:batch|cam|camera|clip|day|home|house|location|office|part|place|room|scenario|scene|session|site|take"
    r"|trial|vid|video|view)[\s_.-]*\d+"
)
_NUMBERED = re.compile(r"(?P<stem>[^\d]*?)[\s_.-]*\d[\d\s_.-]*")
# Classes may be numbered as well.
_CLASS_STEMS = frozenset(
    (
        *(
            "a",
            "act",
            "action",
            "activity",
            "behavior",
            "behaviour",
            "c",
            "category",
            "class",
            "event",
            "exercise",
        ),
        *("gesture", "label", "move", "movement", "pose", "sign", "task", "word"),
    )
)
_STORAGE = frozenset(
    (
        *("avi", "clips", "data", "depth", "films", "footage", "mov", "mp4", "original", "originals", "raw", "rgb"),
        *("video", "videos"),
    )
)
_DIVISION = re.compile(r"(?:cv|fold|kfold|split)[\s_.-]*\d+")
_BACKGROUND = frozenset({"idle", "background", "none", "nothing", "no_action", "other", "normal", "negative"})
_LISTED = 6


def are_places(names: Collection[str]) -> bool:
    """Whether all folders are named after places, times or takes with a number: Home_01, camera2, session 3."""
    return bool(names) and all(_PLACE.fullmatch(name.casefold()) for name in names)


def people_among(names: Collection[str]) -> frozenset[str]:
    """Those of the folders that are named after people with a number or letter."""
    return frozenset(name for name in names if _PERSON.fullmatch(name.casefold()))


def are_people(names: Collection[str]) -> bool:
    """Whether all folders are named after people with a number or letter: Subject 1, person02, s03."""
    return bool(names) and len(people_among(names)) == len(names)


def are_numbered(names: Collection[str]) -> bool:
    """Whether the folders differ by a number only, and are not numbered classes: take1, take2; Home_01, Home_02."""
    stems = {found["stem"] if (found := _NUMBERED.fullmatch(name.casefold())) else None for name in names}
    if len(names) < 2 or len(stems) != 1:
        return False
    (stem,) = stems
    return stem is not None and stem not in _CLASS_STEMS


def are_counted(names: Collection[str]) -> bool:
    """Whether each of the names is a number or ends with one, and none is that of a numbered class: 0017, video3."""
    found = [_NUMBERED.fullmatch(name.casefold()) for name in names]
    return all(one is not None and one["stem"] not in _CLASS_STEMS for one in found)


def are_divisions(names: Collection[str]) -> bool:
    """Whether the folders are named after divisions of one data set, each of which has all clips: fold_1, split2."""
    return bool(names) and all(_DIVISION.fullmatch(name.casefold()) for name in names)


def are_storage(names: Collection[str]) -> bool:
    """Whether the folders are named after what kind of files they hold, which is never a class."""
    return bool(names) and all(name.casefold() in _STORAGE for name in names)


def have_background(names: Collection[str]) -> bool:
    """Whether one of the folders is named as the class "nothing happens" is."""
    return any(name.casefold() in _BACKGROUND for name in names)


def in_words(names: Collection[str]) -> str:
    """A few of the names, for a message."""
    some = sorted(names)
    return ", ".join(some[:_LISTED]) + (f" and {len(some) - _LISTED} more" if len(some) > _LISTED else "")
