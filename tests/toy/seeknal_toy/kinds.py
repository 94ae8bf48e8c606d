"""The kind ``snapshot``: the newest row of each key of one table. Light, for help and completion read it too."""

from collections.abc import Iterator, Mapping
from typing import Any

from seeknal_nb.config import TEXT, Key, option
from seeknal_nb.declaration import Declaration, Reference

__all__ = ["SNAPSHOT"]


def _reads(config: Mapping[str, Any]) -> Iterator[Reference]:
    if config.get("of"):
        yield Reference(config["of"], "table")


SNAPSHOT = Declaration(
    "snapshot",
    "The newest row of each key of a table",
    "seeknal_toy.snapshot:SNAPSHOT",
    keys=(
        Key("of", TEXT, "the table", option("--of", metavar="NODE")),
        Key("unique_key", TEXT, "the column that names a row", option("--unique-key", metavar="COLUMN")),
        Key("newest_by", TEXT, "the column that tells the newest", option("--newest-by", metavar="COLUMN")),
    ),
    arguments=("of", "unique_key"),
    reads=_reads,
    verbs={"newest": "seeknal_toy.snapshot:newest"},
)
