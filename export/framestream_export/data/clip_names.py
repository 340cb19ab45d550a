"""Who or what a clip is of, by the names that public data sets and people give to files."""

from __future__ import annotations

import re

_UCF101 = re.compile(r"v_(?P<group>.+_g\d+)_c\d+")  # clips of one g were cut from one video
_NTU = re.compile(r"S\d{3}C\d{3}(?P<group>P\d{3})R\d{3}A\d{3}.*")
# person01_boxing_d1 (KTH), Cook_p02_r00_v02 (Toyota Smarthome), subject-3_take-2
_PERSON = re.compile(
    r"(?:.*[\W_])?(?P<group>(?:person|subject|subj|actor|participant|performer|signer|patient|p)[ _-]?\d+)(?:[\W_].*)?",
    re.IGNORECASE,
)


def group_of_ucf101(stem: str) -> str | None:
    """The video that UCF101 cut a clip from, by the clip's name; None for other names."""
    found = _UCF101.fullmatch(stem)
    return found["group"] if found else None


def group_in_name(stem: str) -> str | None:
    """The group that a file's name says: a person with a number, or the video a clip was cut from; or None.

    Args:
        stem: The file's name without its suffix.
    """
    found = next((match for one in (_UCF101, _NTU, _PERSON) if (match := one.fullmatch(stem))), None)
    return found["group"] if found else None
