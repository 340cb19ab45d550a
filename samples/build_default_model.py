"""Build the model that comes with FrameStream, from seeds and a folder of real footage.

    python samples/build_default_model.py --work data/default --real FOLDER

renders shots, teaches the pose network to see rendered people as well as real ones, and encodes the shots with it. What
it gets wrong there is laid over the joints of more shots, which are not drawn. Heads of several seeds are trained on
both, and the one that does best on the shots kept for validation is exported. A step whose result lies in the working
folder is not done again. Hours on two cores, most of them for rendering and for teaching the pose network.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
from pathlib import Path

SAMPLES = Path(__file__).resolve().parent
MODELS = SAMPLES.parent / "framestream" / "models"


def main() -> None:
    """Do each step whose result is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for shots, weights and runs")
    parser.add_argument("--real", type=Path, nargs="+", required=True, help="folders with films of real people")
    parser.add_argument("--output", type=Path, default=MODELS / "default.onnx")
    parser.add_argument("--count", type=int, default=2000, help="shots")
    parser.add_argument("--joints", type=int, default=5000, help="shots that are not drawn, for their joints")
    parser.add_argument("--steps", type=int, default=2500, help="steps of teaching the pose network")
    parser.add_argument("--epochs", type=int, default=24, help="epochs of a head")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of heads")
    parser.add_argument("--jobs", type=int, default=2, help="processes that render")
    arguments = parser.parse_args()
    shots, weights = arguments.work / "shots", arguments.work / "pose.weights.h5"
    if not (shots / "manifest.csv").is_file():
        _python(
            SAMPLES / "render.py", "shots", shots, "--count", arguments.count, "--seed", 11, "--jobs", arguments.jobs
        )
    if not weights.is_file():
        tuning = ("--steps", arguments.steps, "--real", *arguments.real)
        _python(SAMPLES / "tune_pose_network.py", shots, "--output", weights, *tuning)
    features, joints = arguments.work / "features", arguments.work / "joints"
    if not (features / "manifest.csv").is_file():
        encoder = ("--encoder", "MoveNetLightning", "--weights", weights, "--size", 160, "--rate", 10)
        _framestream("embed", shots, "--output", features, *encoder)
    if not (joints / "manifest.csv").is_file():
        drawing = ("--count", arguments.joints, "--seed", 11, "--jobs", arguments.jobs)
        _python(SAMPLES / "render.py", "joints", joints, "--errors-from", shots, features, *drawing)
    manifest = arguments.work / "manifest.csv"
    _write_manifest(manifest, trained_on=[features, joints], kept=shots)
    runs = [arguments.work / f"run-{seed}" for seed in arguments.seeds]
    for seed, run in zip(arguments.seeds, runs, strict=True):
        if not (run / "report" / "report.json").is_file():
            training = ("--epochs", arguments.epochs, "--batch-size", 16, "--learning-rate", 2e-3, "--looks", 0)
            _framestream("train", manifest, "--output", run, "--weights", weights, "--seed", seed, *training)
    best = min(runs, key=_validation_loss)
    print(f"on the shots kept for validation {best} is best")
    _framestream("export", best, "--output", arguments.output, "--variant", "float16")


def _write_manifest(path: Path, *, trained_on: list[Path], kept: Path) -> None:
    """One manifest of the training shots of some folders, and of the shots of another one for the other splits.

    Those are films, because variants of the model are measured on pictures.
    """
    columns = ("path", "label", "start", "end", "split", "group")
    with path.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.DictWriter(stream, columns, extrasaction="ignore", lineterminator="\n")
        rows.writeheader()
        for folder in (*trained_on, kept):
            with (folder / "manifest.csv").open(newline="", encoding="utf-8") as listed:
                for row in csv.DictReader(listed):
                    if (row["split"] == "train") == (folder != kept):
                        rows.writerow(row | {"path": (folder / row["path"]).relative_to(path.parent).as_posix()})


def _framestream(*arguments: object) -> None:
    _python("-m", "framestream.cli", *arguments)


def _python(*arguments: object) -> None:
    command = [sys.executable, *map(str, arguments)]
    print("$", " ".join(command), flush=True)
    subprocess.run(command, check=True)


def _validation_loss(run: Path) -> float:
    """The least validation loss of a run's head, before it was trained once more on all shots."""
    told = json.loads((run / "run.json").read_text(encoding="utf-8"))
    return min(float(epoch["validation_loss"]) for epoch in told["stages"]["head"]["history"])


if __name__ == "__main__":
    main()
