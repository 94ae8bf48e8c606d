"""Who reads a comment can open what it cites."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted(file for folder in ("seeknal_nb", "tests") for end in ("py", "js", "css") for file in (ROOT / folder).rglob(f"*.{end}"))
PAGES = {page.name for folder in (ROOT, ROOT / "tests") for page in folder.glob("*.md")}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_pages_that_are_cited_are_in_the_repository(file: Path) -> None:
    assert set(re.findall(r"\b[A-Z]{2,}\.md\b", file.read_text(encoding="utf-8"))) <= PAGES
