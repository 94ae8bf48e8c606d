"""Planning switches the garbage collector off, and leaves it as it was."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from seeknal_nb import Project
from seeknal_nb.errors import SeeknalError
from seeknal_nb.uncollected import uncollected


@pytest.mark.parametrize("on", [True, False])
def test_it_is_as_it_was_whatever_happens(on: bool, tmp_path: Path) -> None:
    was = gc.isenabled()
    (gc.enable if on else gc.disable)()
    try:
        with pytest.raises(ZeroDivisionError), uncollected():
            with uncollected():
                assert not gc.isenabled()
            assert not gc.isenabled()
            1 / 0  # noqa: B018 - what goes wrong
        assert gc.isenabled() is on
        project = Project(tmp_path, namespace={})
        project.node("transform", "t", python="def t():\n    import gc\n    return {'on': [gc.isenabled()]}")
        project.run(progress=False)
        assert project["t"].on.tolist() == [on]
        with pytest.raises(SeeknalError):
            project.run(progress=False, nodes=["nowhere"])
        assert gc.isenabled() is on
    finally:
        (gc.enable if was else gc.disable)()
