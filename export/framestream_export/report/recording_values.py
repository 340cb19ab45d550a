"""What the recordings of a data set are counted under, where figures are broken down."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from framestream.errors import SettingsError
from framestream_export.data.recordings import Recording, read_dataset

BY_CLASS, BY_GROUP, BY_SPLIT = "class", "group", "split"


def values_by(
    by: str, recordings: Sequence[Recording], data: Path, *, background: str | None, image_rate: float | None
) -> dict[Path, str]:
    """What each recording, by its path, has in a column of the data's manifest, or as its group or split.

    Args:
        by: "group", "split", or the name of a column.
        recordings: The recordings of the data set.
        data: The data set, which is read again with another column.
        background: The label that means "nothing happens", if the data set was read with one.
        image_rate: Images per second of clips that are folders of images.

    Returns:
        Values by path; "" where a recording has none.

    Raises:
        DataError: The manifest has no such column, or says two things of one file.
        SettingsError: There is no manifest, or no recording has a value.
    """
    if by == BY_SPLIT:
        values = {recording.path: recording.split or "" for recording in recordings}
    else:
        if by != BY_GROUP:
            recordings = read_dataset(data, background=background, image_rate=image_rate, group_column=by).recordings
        # A recording without a group is one of its own, called as it is.
        values = {one.path: "" if one.group == one.name else one.group for one in recordings}
    if not any(values.values()):
        raise SettingsError(
            f"{data} says of no recording which {by} it is of; give --by a column of its manifest, or write a manifest"
            " with `framestream data import` and add the column"
        )
    return values
