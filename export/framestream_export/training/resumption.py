"""Whether a run can be started where it is asked for, or carried on with."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from framestream.errors import DataError, SettingsError
from framestream_export.data.folds import LEAVE_ONE_OUT
from framestream_export.folder_lock import LOCK_FILE
from framestream_export.run_folder import ENCODER_FILE, HEAD_FILE, RunFolder
from framestream_export.training.context import TIME_LIMIT
from framestream_export.training.settings import TrainSettings

# What may differ between a run and its resumption without making it another run.
_FREE_ON_RESUME = frozenset({"time_limit_minutes"})
KEPT_ON_RESUME = ("encoder_choice", "base", "warnings", "stages", "cross_validation")
"""What run.json keeps of what was recorded before."""
# What a run leaves that ends before its first epoch is complete; another may start over it.
_UNFINISHED = frozenset({"cache", "checkpoints", "run.json", "run.json.part", LOCK_FILE})


def check_output(folder: RunFolder, settings: TrainSettings, *, resume: bool) -> dict[str, Any]:
    """Check that a run can be started, or resumed; return what its run.json says so far.

    Raises:
        DataError: The folder cannot be resumed.
        SettingsError: The folder is in use, or was started with other settings.
    """
    if not resume:
        foreign = folder.path.is_dir() and any(item.name not in _UNFINISHED for item in folder.path.iterdir())
        if foreign or folder.started:
            raise SettingsError(f"{folder.path} exists; give another --output, or --resume to carry on with that run")
        if folder.record.is_file():
            folder.read_record()  # not ours is an error
        return {}
    if not folder.record.is_file():
        if folder.started:
            raise DataError(f"{folder.path} has checkpoints but no run.json; train into a new folder")
        return {}  # killed before its first epoch, or never started
    record = folder.read_record()
    stored = TrainSettings.from_json(record["settings"])
    for item in fields(TrainSettings):
        before, now = getattr(stored, item.name), getattr(settings, item.name)
        if before != now and item.name not in _FREE_ON_RESUME:
            raise SettingsError(f"{folder.path} was started with {item.name} {before}, not {now}; resume with the same")
    return record


def is_complete(folder: RunFolder, record: dict[str, Any]) -> bool:
    """Whether a resumed run has neither epochs to train nor files to write."""
    if record["state"] != "finished" or record["stopped"] == TIME_LIMIT:
        return False
    made = (folder.path / ENCODER_FILE, folder.path / HEAD_FILE, folder.parity_frames, folder.report / "report.json")
    return all(path.is_file() for path in made)


def check_same_data(folder: RunFolder, stored: dict[str, Any], record: dict[str, Any]) -> None:
    """Refuse to carry on with a run on other data than it was started with.

    Raises:
        DataError: The fingerprint or the splits differ from those in the run's run.json.
    """
    if (stored["fingerprint"], stored["splits"]) != (record["fingerprint"], record["splits"]):
        raise DataError(f"the data set is not the one {folder.path} was started with; train into a new folder")


def check_same_folds(folder: RunFolder, stored: dict[str, Any], folds: int, *, groups: int) -> None:
    """Refuse to resume with a number of folds that the run was not, and will not be, cross-validated with.

    Raises:
        SettingsError: The run has another number of folds, or is finished without cross-validation.
    """
    wanted = groups if folds == LEAVE_ONE_OUT else folds
    validated = stored.get("cross_validation")
    if not wanted or (validated and validated["folds"] == wanted):
        return
    if validated:
        raise SettingsError(
            f"{folder.path} was cross-validated with {validated['folds']} folds, not {wanted}; resume without --folds, "
            "or train into a new folder"
        )
    if is_complete(folder, stored):
        raise SettingsError(f"{folder.path} is finished without cross-validation; for --folds train into a new folder")


def has_begun(output: Path) -> bool:
    """Whether a run got as far as writing down its settings, which it does when all clips are decoded."""
    return RunFolder(output).record.is_file()


def resumed_settings(output: Path, changes: dict[str, Any]) -> TrainSettings:
    """The settings to resume a run with that has begun: its own, under what was asked for explicitly."""
    stored = TrainSettings.from_json(RunFolder(output).read_record()["settings"])
    return replace(stored, **{"time_limit_minutes": None, **changes})
