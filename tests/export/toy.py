"""Small labelled clips of a moving square, drawn with OpenCV: quick to make, quick to learn, and not trivially so."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np

LABELS = ("across", "idle", "upright")
SIZE_WH = (64, 48)
FPS = 25.0


def draw(label: str, seed: int, *, frames: int) -> list[np.ndarray]:
    """A square that swings across, swings up and down, or trembles in place, on a noisy ground."""
    rng = np.random.default_rng(seed)
    width, height = SIZE_WH
    center = np.array([rng.uniform(0.35, 0.65) * width, rng.uniform(0.35, 0.65) * height])
    swing = {"across": (1.0, 0.0), "upright": (0.0, 1.0), "idle": (0.06, 0.06)}[label]
    amplitude, period, phase = rng.uniform(8, 13), rng.uniform(16, 28), rng.uniform(0, 2 * np.pi)
    side, color = int(rng.integers(6, 11)), rng.integers(120, 256, 3)
    ground = rng.integers(0, 90, (height, width, 3)).astype(np.uint8)
    pictures = []
    for index in range(frames):
        picture = ground.copy()
        x, y = center + np.array(swing) * amplitude * np.sin(2 * np.pi * index / period + phase)
        cv2.rectangle(picture, (int(x - side), int(y - side)), (int(x + side), int(y + side)), color.tolist(), -1)
        pictures.append(picture)
    return pictures


def write_video(path: Path, pictures: list[np.ndarray], *, fps: float = FPS) -> None:
    """Write frames as MPEG-4 in an .mp4."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = pictures[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), fps, (width, height))
    assert writer.isOpened()
    for picture in pictures:
        writer.write(picture)
    writer.release()


def write_class_folders(folder: Path, *, per_class: int, frames: int = 50, seed: int = 0) -> Path:
    """<label>/<number>.mp4, a few of them."""
    for number, label in enumerate(LABELS):
        for index in range(per_class):
            write_video(
                folder / label / f"{index:03}.mp4", draw(label, 1000 * seed + 100 * number + index, frames=frames)
            )
    return folder


def write_film(path: Path, labels: list[str], *, frames_each: int = 50, seed: int = 0) -> Path:
    """One film of several segments, with its timeline beside it; idle segments are left to the background."""
    pictures, rows = [], []
    for index, label in enumerate(labels):
        start = len(pictures) / FPS
        pictures += draw(label, 7000 + 50 * seed + index, frames=frames_each)
        if label != "idle":
            rows.append((start, len(pictures) / FPS, label))
    write_video(path, pictures)
    write_csv(path.with_suffix(".csv"), "start,end,label", rows)
    return path


def write_csv(path: Path, header: str, rows: list[tuple[object, ...]]) -> Path:
    """A CSV file from a header line and rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(header.split(","))
        writer.writerows(rows)
    return path
