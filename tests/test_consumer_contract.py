"""The contract in export/README.md describes what models say about themselves."""

from pathlib import Path

from framestream import Classifier

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "export" / "README.md").read_text(encoding="utf-8")
MODEL = ROOT / "framestream" / "models" / "default.onnx"


def test_every_key_of_a_model_is_described() -> None:
    keys = Classifier.load(MODEL, device="cpu").spec.to_metadata()
    for key in keys:
        assert f"`{key}`" in TEXT or f"`…{key.removeprefix('framestream.')}`" in TEXT, key
