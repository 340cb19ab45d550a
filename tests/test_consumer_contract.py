"""The program in export/README.md, which does not use FrameStream, answers as FrameStream does."""

import re
import subprocess
import sys
from pathlib import Path

from framestream import Classifier, Prediction

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "export" / "README.md").read_text(encoding="utf-8")
MODEL = ROOT / "framestream" / "models" / "default.onnx"
FILM = ROOT / "samples" / "clips" / "bend" / "bend-0000.webm"


def test_a_program_without_framestream_gives_the_same_answers(tmp_path: Path) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)
    assert "import framestream" not in code
    program = tmp_path / "bare.py"
    program.write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(program), str(MODEL), str(FILM)], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    classifier = Classifier.load(MODEL, device="cpu")
    anchor_seconds = classifier.spec.anchor_frames / classifier.spec.frame_rate
    answers = [record for record in classifier.watch(FILM) if isinstance(record, Prediction)]
    assert len(answers) > 5
    assert [label for _, label, _ in lines] == [answer.label for answer in answers]
    for (seconds, _, score), answer in zip(lines, answers, strict=True):
        assert abs(float(seconds) - (answer.pts_seconds - anchor_seconds)) < 0.006
        assert abs(float(score) - answer.score) < 0.001


def test_every_key_of_a_model_is_described() -> None:
    keys = Classifier.load(MODEL, device="cpu").spec.to_metadata()
    for key in keys:
        assert f"`{key}`" in TEXT or f"`…{key.removeprefix('framestream.')}`" in TEXT, key
