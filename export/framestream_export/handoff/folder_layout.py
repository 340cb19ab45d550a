"""The files and folders of a hand-off folder.

::

    DIR/README.md             for whoever runs the model
    DIR/MODEL_CARD.md         what it is, how good, how fast, its limits
    DIR/confusion_matrix.png  of the run's report
    DIR/labels.txt            one a line, in the order of the probabilities
    DIR/preprocess/           golden pictures: test_data_set_N/input_0.pb -> output_0.pb
    DIR/<variant>/            model.onnx (or .ort), model.json, vectors.json, test_data_set_N/
    DIR/SHA256SUMS            of all files, for `sha256sum -c`
"""

from __future__ import annotations

README_FILE = "README.md"
CARD_FILE = "MODEL_CARD.md"
CONFUSION_FILE = "confusion_matrix.png"
LABELS_FILE = "labels.txt"
PICTURES_FOLDER = "preprocess"
SUMS_FILE = "SHA256SUMS"
MODEL_NAME = "model"
