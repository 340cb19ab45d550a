"""Render footage of people: training clips, untrimmed shots, films with a ground-truth timeline.

    python samples/render.py clips  DIR  --per-class 20 --seed 1
    python samples/render.py shots  DIR  --count 200 --seed 1
    python samples/render.py joints DIR  --count 5000 --seed 1 --errors-from SHOTS FEATURES
    python samples/render.py pairs  DIR  --per-class 20 --seed 1
    python samples/render.py film   FILE.webm --seed 7 --labels walk idle wave bend fall
    python samples/render.py empty  FILE.webm --seed 7 --seconds 20

All but the last two write `DIR/manifest.csv`, which `framestream train DIR` reads. The same seed gives
the same frames. `pairs` are clips that only the order of frames tells apart: sitting down and standing up, opening and
closing. `joints` draws no pictures: shots as files of features of the pose network, whose errors it learns from SHOTS
(what `shots` wrote) and FEATURES (what `framestream embed SHOTS` made of them).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from footage.cameras import FRAMINGS
from footage.direction import SEATED, STANDING
from footage.motions import LABELS
from footage.pairs import PAIRS
from footage.recorder import (
    SUFFIX,
    Recording,
    record_clips,
    record_film,
    record_pairs,
    record_shots,
    write_manifest,
)
from footage.scenes import draw_empty_scene, draw_scene, on_tripod


def main() -> None:
    """Parse the command line and render."""
    arguments = _parser().parse_args()
    if arguments.what in ("clips", "shots", "joints", "pairs"):
        _write_set(arguments)
    else:
        _write_film(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Render footage of people doing ten things.")
    kinds = parser.add_subparsers(dest="what", required=True)
    clips = kinds.add_parser("clips", help="trimmed clips in class folders, with a manifest")
    clips.add_argument("target", type=Path)
    clips.add_argument("--per-class", type=int, default=20)
    clips.add_argument("--labels", nargs="+", choices=LABELS, default=list(LABELS))
    shots = kinds.add_parser("shots", help="untrimmed shots of several motions, with a manifest")
    shots.add_argument("target", type=Path)
    shots.add_argument("--count", type=int, default=200)
    joints = kinds.add_parser("joints", help="joints of shots that are not drawn, with a manifest")
    joints.add_argument("target", type=Path)
    joints.add_argument("--count", type=int, default=5000)
    joints.add_argument("--errors-from", type=Path, nargs=2, required=True, metavar=("SHOTS", "FEATURES"))
    pairs = kinds.add_parser("pairs", help="clips that only the order of frames tells apart, with a manifest")
    pairs.add_argument("target", type=Path)
    pairs.add_argument("--per-class", type=int, default=20)
    pairs.add_argument(
        "--labels", nargs="+", choices=[first for first, _ in PAIRS], default=[first for first, _ in PAIRS]
    )
    for kind in (clips, shots, joints, pairs):
        kind.add_argument("--jobs", type=int, default=1, help="processes (default 1)")
    film = kinds.add_parser("film", help="one film and its timeline")
    film.add_argument("target", type=Path)
    film.add_argument("--labels", nargs="+", choices=LABELS, default=["idle", "walk", "wave", "bend"])
    film.add_argument("--framing", choices=FRAMINGS, default=None)
    film.add_argument("--facing", type=float, metavar="DEGREES", help="0: the camera; else as it comes")
    film.add_argument("--seated", action="store_true")
    empty = kinds.add_parser("empty", help="one film without people")
    empty.add_argument("target", type=Path)
    empty.add_argument("--seconds", type=float, default=20.0)
    for kind in (film, empty):
        kind.add_argument("--size", default="320x240", help="picture size, WIDTHxHEIGHT")
        kind.add_argument("--rate", type=float, default=25.0, help="frames per second")
        kind.add_argument("--tripod", action="store_true", help="steady camera, clean sensor: a small file")
    for kind in (clips, shots, joints, pairs, film, empty):
        kind.add_argument("--seed", type=int, default=1)
    return parser


def _write_set(arguments: argparse.Namespace) -> None:
    folder: Path = arguments.target
    if arguments.what == "clips":
        recordings = record_clips(
            folder, labels=arguments.labels, per_class=arguments.per_class, seed=arguments.seed, jobs=arguments.jobs
        )
    elif arguments.what == "pairs":
        chosen = [pair for pair in PAIRS if pair[0] in arguments.labels]
        recordings = record_pairs(
            folder, pairs=chosen, per_class=arguments.per_class, seed=arguments.seed, jobs=arguments.jobs
        )
    elif arguments.what == "joints":
        recordings = _joints(arguments)
    else:
        recordings = record_shots(folder, count=arguments.count, seed=arguments.seed, jobs=arguments.jobs)
    written: list[Recording] = list(recordings)
    write_manifest(folder / "manifest.csv", written)
    print(f"{len(written)} recordings and manifest.csv in {folder}")


def _joints(arguments: argparse.Namespace) -> Iterator[Recording]:
    from framestream.errors import FrameStreamError
    from joint_footage.recordings import read_errors, record_joints

    try:
        maker, errors = read_errors(*arguments.errors_from)
    except FrameStreamError as error:
        raise SystemExit(f"error: {error}") from error
    yield from record_joints(
        arguments.target, count=arguments.count, seed=arguments.seed, errors=errors, maker=maker, jobs=arguments.jobs
    )


def _write_film(arguments: argparse.Namespace) -> None:
    target: Path = arguments.target.with_suffix(SUFFIX)
    width, height = (int(part) for part in arguments.size.split("x"))
    rng = np.random.default_rng([arguments.seed, 2000])
    if arguments.what == "film":
        scene = draw_scene(
            rng,
            arguments.labels,
            size_wh=(width, height),
            framing=arguments.framing,
            facing=arguments.facing,
            posture=SEATED if arguments.seated else STANDING,
        )
    else:
        scene = draw_empty_scene(rng, seconds=arguments.seconds, size_wh=(width, height))
    if arguments.tripod:
        scene = on_tripod(scene)
    frames = record_film(target, scene, rate=arguments.rate)
    print(
        f"{target}: {frames} frames, {scene.performance.seconds:.1f} s, timeline in {target.with_suffix('.csv').name}"
    )


if __name__ == "__main__":
    main()
