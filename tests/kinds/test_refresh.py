"""When something is fetched again because time has passed."""

from __future__ import annotations

import pytest

from kinds import good
from seeknal_nb.kinds.refresh import FETCHED, refresh_due

HOUR = 3_600.0
NOW = 1_000_000.0


@pytest.mark.parametrize(("fetched", "due"), [
    (NOW, False), (NOW - 1, False), (NOW - HOUR + 1, False), (NOW - HOUR, True), (NOW - 2 * HOUR, True), (None, True),
    (NOW + 1, True), (NOW + 10 * HOUR, True),
], ids=["now", "a second ago", "an hour ago all but a second", "an hour ago", "two hours ago", "never", "in a second", "in ten hours"])  # fmt: skip
def test_it_is_due_when_the_time_has_passed_and_when_the_clock_was_set_back(fetched: float | None, due: bool) -> None:
    """A clock that was wrong by a year, once, must not keep a table for that year."""
    seen = {} if fetched is None else {FETCHED: (fetched,)}
    assert refresh_due({"refresh": "1h"}, seen, NOW) == ("refresh: 1h" if due else "")


BODIES = {"sql": "SELECT {} AS x", "python": "[{{'x': {}}}]"}


@pytest.mark.parametrize("kind", ["source", "transform"])
@pytest.mark.parametrize("form", BODIES)
@pytest.mark.parametrize(("config", "status"), [({}, "cached"), ({"refresh": "never"}, "cached"), ({"refresh": "30d"}, "success")], ids=str)
def test_who_goes_back_to_an_earlier_version_gets_no_table_of_another_day(project, kind, form, config, status):
    """The earlier build is of the version that is there again, but ``refresh`` counts from when it was fetched."""
    for number in (1, 2, 1):
        project.node(kind, "t", **{form: BODIES[form].format(number)}, **config)
        summary = good(project)
    assert str(summary[f"{kind}.t"].status) == status
    assert str(good(project)[f"{kind}.t"].status) == "cached"


def test_a_table_that_must_be_fresh_is_of_today_too(project):
    fresh = {"column": "at", "warn_after": "1d"}
    for number in (1, 2, 1):
        project.source("t", sql=f"SELECT now()::TIMESTAMP AS at, {number} AS x", freshness=fresh)
        summary = good(project)
    assert str(summary["source.t"].status) == "success"
