"""Which function of a body is the node's, what it is annotated with, and which names a body calls."""

from __future__ import annotations

import pytest

from seeknal_nb.errors import ManifestError
from seeknal_nb.python.body import read_body

HELPER = "def helper(x):\n    return x\n"
MAIN = "def main(a):\n    return a\n"

FUNCTIONS = {
    "the only one": (MAIN, "main"),
    "the node's name before another": (HELPER + "def clean(a):\n    return a", "clean"),
    "the last of the name": ("def main(b):\n    return b\n" + MAIN, "main"),
    "below imports, constants and a docstring": (f"'''Words.'''\nimport re\nK = 5\nn: int = 2\nK += 1\n{MAIN}", "main"),
    "beside a class": (f"class Row:\n    x = 1\n{MAIN}", "main"),
    "below what may be imported": (f"try:\n    import re\nexcept ImportError:\n    re = None\n{MAIN}", "main"),
    "below what is for a type checker": (f"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import re\n{MAIN}", "main"),
    "below a file that is read": (f"import json\nwith open('f') as f:\n    K = json.load(f)\n{MAIN}", "main"),
    "with a decorator of the body": (f"{HELPER}@helper\n{MAIN}", "main"),
    "with a default that a helper makes": (f"{HELPER}def main(a, k=helper(1)):\n    return a", "main"),
    "with a constant that a helper makes": (f"{HELPER}K = helper(3)\n{MAIN}", "main"),
    "with a class that a helper is part of": (f"{HELPER}class Row:\n    f = helper\n{MAIN}", "main"),
    "which calls itself": ("def main(a):\n    return main(a)", "main"),
    "none, for the result has a name": (f"{MAIN}result = main(b)", None),
    "none, for the variable is called as the node": (f"{MAIN}clean = main(b)", None),
    "none, for the body does something": (f"{MAIN}for one in b:\n    print(one)", None),
    "none, for it is a loop's": (f"{MAIN}while False:\n    pass", None),
    "none, for the body uses it": (f"{MAIN}kept = main(b)", None),
    "none, for it ends in a value": (f"{MAIN}main(b)", None),
    "none, for there is none": ("import re\nK = 1", None),
}


@pytest.mark.parametrize(("source", "function"), FUNCTIONS.values(), ids=FUNCTIONS)
def test_the_function_of_a_body_is_the_nodes(source: str, function: str | None) -> None:
    body = read_body(source, name="clean")
    assert (body.function, body.params[:1]) == (function, ("a",) if function else ())


REFUSED = {
    "two": (HELPER + MAIN, ["helper, main", "none is called clean"], 3),
    "two, of which one calls the other": ("def main(a):\n    return helper(a)\n" + HELPER, ["main, helper"], 3),
    "three": (f"{HELPER}{MAIN}def last(x):\n    pass", ["helper, main, last"], 3),
    "an async one": ("async def main(a):\n    return a", ["async"], 1),
    "one that takes anything": ("def main(*a):\n    return a", ['"a" of main cannot be given by name'], 1),
}


@pytest.mark.parametrize(("source", "words", "line"), REFUSED.values(), ids=REFUSED)
def test_what_leaves_open_which_function_is_meant_is_refused_with_their_names(source: str, words: list[str], line: int) -> None:
    with pytest.raises(ManifestError) as caught:
        read_body(source, name="clean")
    assert all(word in str(caught.value) for word in words), caught.value
    assert caught.value.spot.line == line


NOTES = {
    "as it is written": ("a: pd.Series, b, ctx: int = 1", {"a": "pd.Series", "ctx": "int"}, "pd"),
    "in quotes": ("a: 'pd.Series'", {"a": "pd.Series"}, "pd"),
    "in quotes within": ("a: list['pd.Series']", {"a": "list['pd.Series']"}, "pd"),
    "no expression": ("a: 'the orders'", {"a": "the orders"}, ""),
    "by keyword": ("*, a: p.DataFrame | None", {"a": "p.DataFrame | None"}, "p"),
}


@pytest.mark.parametrize("future", ["", "from __future__ import annotations\n"], ids=["evaluated", "as strings"])
@pytest.mark.parametrize(("params", "notes", "reads"), NOTES.values(), ids=NOTES)
def test_what_an_annotation_names_is_part_of_what_a_body_reads(params: str, notes: dict[str, str], reads: str, future: str) -> None:
    """An alias that becomes another library's gives the input in another form, so it counts in the key."""
    body = read_body(f"{future}def clean({params}):\n    return a", name="clean")
    assert dict(body.notes) == notes
    assert set(body.reads) == set(reads.split())


def test_nobody_needs_what_is_only_in_quotes_and_what_the_body_imports_is_its_own() -> None:
    assert read_body("def clean(a: 'Frame'):\n    return a", name="clean").perhaps == {"Frame"}
    assert read_body("import pandas as pd\ndef clean(a: 'pd.Series'):\n    return a", name="clean").reads == ()


CALLED = {
    "a call": ("f(x)", "f"),
    "in a function": ("def clean():\n    return f(x)", "f"),
    "in a function of a function": ("def clean():\n    def g():\n        return f()\n    return g()", "f"),
    "a decorator": ("@f\ndef clean():\n    pass", "f"),
    "a decorator with arguments": ("@f(1)\nclass Clean:\n    pass", "f"),
    "a decorator's method": ("@f.mark\ndef clean():\n    pass", ""),
    "a method": ("f.head(x)", ""),
    "a value": ("x.map(f)", ""),
    "a call and a value": ("f(1)\nx.map(f)", "f"),
    "a parameter of that name": ("def g(f):\n    return f(1)\nf.head()", ""),
    "a variable of a function": ("def g():\n    f = print\n    return f(1)\nf.head()", ""),
    "a lambda's": ("(lambda f: f(1))\nf.head()", ""),
    "outside of a lambda's": ("(lambda y: f(y))", "f"),
    "what it defines": ("def f():\n    pass\nf()", ""),
    "before it binds it": ("f = f(1)", "f"),
}


@pytest.mark.parametrize(("source", "called"), CALLED.values(), ids=CALLED)
def test_a_name_that_is_called_is_that_of_a_function(source: str, called: str) -> None:
    assert read_body(source, name="clean").called == set(called.split())
