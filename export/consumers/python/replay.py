"""Replay golden vectors with these programs: python replay.py HANDOFF [VARIANT [openvino [DEVICE]]]

HANDOFF is a folder that `framestream export RUN --handoff HANDOFF` wrote, VARIANT a folder in it (float32). Prints a
line of JSON for the pictures and for each sequence; exits with 1 if one differs. Pictures are scaled by `picture.fit`;
cameras are run one by one and frame by frame, each with the state that came out of its own last frame.
"""

import importlib
import json
import pathlib
import sys

import numpy as np
import picture
from tensor_file import read_tensors


def replay_pictures(folder):
    """Scale the golden pictures; each pixel may be off by one."""
    sets = sorted(folder.glob("test_data_set_*"))
    off = 0
    for each in sets:
        wanted = read_tensors(each, "output")["frame"]
        found = picture.fit(read_tensors(each, "input")["picture"], wanted.shape[:2])
        off = max(off, int(np.abs(found.astype(int) - wanted).max()))
    return {"name": "pictures", "sets": len(sets), "off": off, "limit": 1, "passed": bool(sets) and off <= 1}


def replay_sequence(sequence, folder, model, limit):
    """Run the data sets of a sequence, which are one stream; compare all that comes out."""
    facts, zeros, run = model
    states, rows, off, first, decisions, predictions = None, 0, 0.0, None, 0, 0
    for number in sequence["sets"]:
        own = folder / f"test_data_set_{number}"
        frames, wanted = read_tensors(own, "input")["frames"], read_tensors(own, "output")
        states = [zeros] * len(frames) if states is None else states
        # Other outputs, as joints, are for whoever asks for them; these programs do not.
        own_outputs = ["probabilities", *(f"next_{name}" for name in zeros)]
        found = {name: np.empty_like(wanted[name]) for name in own_outputs}
        for camera, step in np.ndindex(*frames.shape[:2]):
            row, states[camera] = run(frames[camera, step], states[camera])
            found["probabilities"][camera, step] = row
            if rows + step + 1 >= int(facts["window"]):
                predictions += 1
                decisions += differs(row, wanted["probabilities"][camera, step], limit)
        rows += frames.shape[1]
        for camera, state in enumerate(states):
            for name, values in state.items():
                found[f"next_{name}"][camera] = values[0]
        for name, values in found.items():
            distance = float(np.abs(values - wanted[name]).max() / max(1, np.abs(wanted[name]).max()))
            off = max(off, distance)
            if not distance <= limit:  # also where it is no number
                first = first or f"{own.name}: {name} is off by {distance:.2g}"
    return {
        "name": sequence["name"],
        "sets": len(sequence["sets"]),
        "off": off,
        "limit": limit,
        "answers": predictions,
        "other_decisions": decisions,
        "first_difference": first,
        "passed": predictions > 0 and first is None and decisions == 0,
    }


def differs(row, wanted, limit):
    """Whether another label wins, where they are not as good as level."""
    second, best = np.sort(wanted)[-2:]
    return bool(row.argmax() != wanted.argmax() and best - second > min(2 * limit, 0.1))


def main():
    """Replay all; return the exit status."""
    if len(sys.argv) < 2:
        sys.exit(__doc__.splitlines()[0])
    handoff, variant, *runtime = sys.argv[1:] if len(sys.argv) > 2 else (sys.argv[1], "float32")
    consumer = importlib.import_module("_".join(["watch_film", *runtime[:1]]))
    folder = pathlib.Path(handoff, variant)
    vectors = json.loads((folder / "vectors.json").read_text(encoding="utf-8"))
    limit = vectors["limit" if consumer.ON_CPU else "elsewhere_limit"]
    model = consumer.open_model(str(folder / vectors["model"]), *runtime[1:])
    results = [replay_pictures(pathlib.Path(handoff, "preprocess"))]
    results += [replay_sequence(sequence, folder, model, limit) for sequence in vectors["sequences"]]
    for result in results:
        print(json.dumps(result))
    return 0 if len(results) > 1 and all(result["passed"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
