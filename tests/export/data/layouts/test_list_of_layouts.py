"""The table of what is read as labelled clips, in export/README.md, names what the code knows."""

from __future__ import annotations

import re

from framestream_export.data.layouts import LAYOUTS
from framestream_export.data.manifest import COLUMNS, SPELLINGS
from tests.export.conftest import ROOT

README = (ROOT / "export" / "README.md").read_text(encoding="utf-8")
TABLE = re.search(r"^\| what \(`--layout`\) \|.*?(?=^$)", README, flags=re.MULTILINE | re.DOTALL)


def test_every_layout_has_a_row_and_every_row_that_names_one_is_true() -> None:
    assert TABLE is not None
    rows = [row.split(" | ")[0] for row in TABLE[0].splitlines()[2:]]
    named = {name for row in rows for name in re.findall(r"\(`([a-z0-9-]+)`\)", row)}
    assert named == {layout.name for layout in LAYOUTS}


def test_columns_of_a_manifest_are_those_that_are_read() -> None:
    assert TABLE is not None
    (row,) = (line for line in TABLE[0].splitlines() if line.startswith("| `manifest.csv`"))
    columns, _, splits = row.split(" | ")[1].partition(" (`train`")
    named = re.findall(r"`([a-z]+)`", columns) + re.findall(r"`([a-z]+)`", splits.partition(")")[2])
    assert sorted(named) == sorted(COLUMNS)


def test_other_names_of_columns_are_read_too() -> None:
    paragraph = re.split(r"Columns may\s+have\s+other\s+names", README)[1].split("Backslashes", 1)[0]
    named = set(re.findall(r"`([a-z_]+)`", paragraph))
    assert len(named) > 15
    assert named <= {name for names in SPELLINGS.values() for name in names}


def test_the_readme_leads_to_the_table() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    anchor = re.search(r"\(export/README\.md#([a-z-]+)\)", readme)
    assert anchor is not None
    lines = [line.lstrip("#").strip().lower() for line in README.splitlines() if line.startswith("#")]
    headings = [re.sub(r"[^a-z -]", "", line).replace(" ", "-") for line in lines]
    assert anchor[1] in headings
