"""What people call train, validation and test: in a column, as a folder, in the name of a list."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

SPLIT_SPELLINGS: Mapping[str, str] = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validate", "validation", "dev", "eval", "evaluation"), "validation"),
    **dict.fromkeys(("test", "testing", "tst", "holdout"), "test"),
}
# Words that may stand beside the split's own without saying anything else: train_set, test-videos.
_EMPTY_WORDS = frozenset(
    (
        *("set", "sets", "data", "dataset", "split", "video", "videos", "clip", "clips", "film", "films", "footage"),
        *("frames", "images", "list", "labels", "annotations"),
    )
)
_JOINED = re.compile(r"(?P<word>[a-z]+?)(?:set|data|split|videos|clips|list)\d*")


def split_named(name: str, among: Collection[str] = ()) -> str | None:
    """The split that a folder or a list is named after, or None.

    Args:
        name: Name of the folder, or of the list without its suffix.
        among: All names beside it, itself included; words that all of them have (`UCF101_train`, `UCF101_test`) do not
            count.
    """
    words = _words(name)
    if len(among) > 1:
        common = frozenset.intersection(*(frozenset(_words(other)) for other in among))
        words = [word for word in words if word not in common]
    telling = [plain for word in words if (plain := word.rstrip("0123456789")) and plain not in _EMPTY_WORDS]
    if len(telling) != 1:
        return None
    joined = _JOINED.fullmatch(telling[0])
    return SPLIT_SPELLINGS.get(telling[0]) or (SPLIT_SPELLINGS.get(joined["word"]) if joined else None)


def split_of_list(stem: str) -> str | None:
    """The split that a list is named after, such as jester-v1-train or train_list_videos; or None.

    Args:
        stem: The list's name without its suffix.
    """
    telling = [word for word in _words(stem) if word not in _EMPTY_WORDS]
    found = {split for word in telling if (split := split_named(word))}
    ends = [split for word in (telling[:1] + telling[-1:]) if (split := split_named(word))]
    return ends[0] if ends and len(found) == 1 else None


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[\W_]+", name.casefold()) if word]
