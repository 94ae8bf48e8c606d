# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "pandas",
#     "duckdb",
# ]
# ///
"""Legs of flights, and how late they are."""

from seeknal.pipeline import source, transform

LATE = 15


def is_late(delay):
    return delay > LATE


@source(
    name="legs",
    source="csv",
    table="data/legs.csv",
    description="A row a leg",
    tags=["raw"],
)
def legs():
    """What the airline gave."""
    pass


@transform(name="late_legs", inputs=["source.legs"])
def late_legs(ctx):
    df = ctx.ref("source.legs")
    df = df[is_late(df["delay"])]
    return ctx.duckdb.sql("SELECT leg_id, carrier, origin, delay FROM df ORDER BY leg_id").df()
