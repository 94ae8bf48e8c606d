"""What the browser runs: modules that Node and a type checker read as they are, and that become one by a strict join."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from seeknal_nb.draw.assets import WEB, join, script, style
from seeknal_nb.status import LOOKS

HERE = Path(__file__).parent / "web"
MODULES = sorted(WEB.glob("*.js"))
TYPESCRIPT = "typescript@5.9"
"""``make types`` brings it; here it is taken from npm's cache."""


def node() -> str:
    """Node of the system, else the one that Playwright brings."""
    if found := shutil.which("node"):
        return found
    playwright = pytest.importorskip("playwright", reason="there is no Node: pip install 'seeknal_nb[dev]'")
    return str(Path(playwright.__file__).parent / "driver" / "node")


def assert_runs(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    assert not done.returncode, f"{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_each_file_is_a_module_of_its_own(module):
    """Node and editors read it as the browser does."""
    assert_runs(node(), "--check", str(module))


@pytest.mark.parametrize("file", sorted(HERE.glob("*.test.mjs")), ids=lambda file: file.stem)
def test_what_needs_no_page_keeps_its_laws(file):
    assert_runs(node(), "--test", str(file))


@pytest.mark.parametrize("entry", ["widget", "page"])
def test_what_is_sent_is_one_module(tmp_path, entry):
    """A name that two modules declare would be refused by Node too."""
    (tmp_path / "sent.mjs").write_text(script(entry), encoding="utf-8")
    assert_runs(node(), "--check", str(tmp_path / "sent.mjs"))


def test_the_types_hold():
    """Types stand in comments (JSDoc); without TypeScript at hand nothing is fetched."""
    tsc = [found] if (found := shutil.which("tsc")) else ["npx", "--offline", "--yes", f"--package={TYPESCRIPT}", "tsc"]
    if not shutil.which(tsc[0]) or subprocess.run([*tsc, "--version"], capture_output=True).returncode:
        pytest.skip("there is no TypeScript: make types")
    assert_runs(*tsc, "-p", str(HERE))


def test_only_what_is_needed_is_sent_and_each_after_what_it_needs():
    texts = {
        "entry": 'import { b } from "./b.js";\n\nexport default { b };\n',
        "a": "// A comment.\nexport const [a, other] = [1, 2];\n",
        "b": 'import { a } from "./a.js";\n\n/**\n * Words: import, export.\n */\nexport function b() {\n  return a;\n}\n',
        "unused": "export const unused = 1;\n",
    }
    joined = "const [a, other] = [1, 2];\n\nfunction b() {\n  return a;\n}\n\nexport default { b };\n"
    assert join(texts, "entry") == joined


REFUSED = {
    "a renamed import": 'import { a as b } from "./a.js";',
    "a default import": 'import a from "./a.js";',
    "all of a module": 'import * as a from "./a.js";',
    "an import over several lines": 'import {\n  a,\n} from "./a.js";',
    "an import from elsewhere": 'import { a } from "https://example.org/a.js";',
    "an import while it runs": 'const late = import("./a.js");',
    "an export at the end": "const b = 1;\nexport { b };",
    "an export from another": 'export { a } from "./a.js";',
    "an export of what is unpacked": "export const { b } = {};",
    "a default that is no list of names": "export default class {}",
    "an unknown module": 'import { c } from "./c.js";',
    "a name that is not exported": 'import { hidden } from "./a.js";',
    "a name of another module": 'import { a } from "./a.js";\nconst hidden = 2;',
    "a circle": 'import { back } from "./back.js";\nexport const b = 1;',
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_joined_is_refused(text):
    """Whatever the join does not understand would be another program."""
    others = {"a": "export const a = 1;\nconst hidden = 1;", "back": 'import { b } from "./entry.js";\nexport const back = 1;'}
    with pytest.raises(ValueError, match=r"entry\.js|module c\.js|each other|more than once"):
        join({"entry": text, **others}, "entry")


def test_only_the_entry_has_a_default():
    texts = {"entry": 'import { a } from "./a.js";', "a": "export const a = 1;\nexport default { a };"}
    with pytest.raises(ValueError, match=r"a\.js is imported and has a default export"):
        join(texts, "entry")


@pytest.mark.parametrize("file", [*MODULES, WEB / "graph.css"], ids=lambda file: file.name)
def test_a_file_is_short_enough_to_be_read(file):
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 350


def test_colours_stand_in_tokens_alone():
    """A rule names a token, so that a theme is a list of tokens, and nobody looks for a colour in the script."""
    declared = re.compile(r"--sk-[\w-]+: [^;]*;")
    colour = re.compile(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl)a?\(")
    assert not colour.search(declared.sub("", style()))
    assert not [file.name for file in MODULES if re.search(r"[\"'`]#[0-9a-fA-F]{3,8}\b", file.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("status", LOOKS)
def test_the_colours_of_a_look_are_those_of_the_table(status):
    look = LOOKS[status]
    light, dark = re.findall(rf"--sk-{status}-fill: (\S+);", style())
    assert (light, dark) == (look.light.fill, look.dark.fill)
    assert f".sk-{status} {{ --sk-fill: var(--sk-{status}-fill);" in style()
