"""What feature groups say of themselves: an entity's key, times, and features."""

from __future__ import annotations

from typing import Any

from seeknal_nb.config import ANYTHING, BODY, LOOSE, MAPPING, MAPPINGS, NAMED, TEXT, TEXTS, Key, option
from seeknal_nb.declaration import Declaration, body_of
from seeknal_nb.grammar import comma
from seeknal_nb.kinds.checks.declared import related, statements_of_checks
from seeknal_nb.kinds.declared import DUCKDB

__all__ = ["FEATURE_GROUP"]


def _spelled(config: dict[str, Any]) -> dict[str, Any]:
    """``entity: user`` stands for an entity whose key is ``user_id``, unless the keys are told."""
    name = config.get("entity")
    if isinstance(name, str) and name:
        told = {} if config.get("key") is not None else {"join_keys": [f"{name}_id"]}
        config["entity"] = {"name": name, **told}
    return config


_STORE = (
    Key("offline", ANYTHING, "the peer's store for training: it is always on"),
    Key("online", ANYTHING, "the peer's store for serving: there is none here"),
)

FEATURE_GROUP = Declaration(
    "feature_group",
    "The time line of an entity's features",
    "seeknal_nb.kinds.features.feature_group:FEATURE_GROUP",
    keys=(
        *(key for key in BODY if key.name != "materialization"),
        Key(
            "entity", NAMED, "whom the features describe: its name and join_keys, or user for a key user_id",
            within=(
                Key("name", TEXT, "whom the features describe", option("--entity", metavar="NAME")),
                Key("join_keys", TEXTS, "the entity's key columns", option("--key", type=comma, metavar="A,B")),
            ),
        ),
        Key("key", TEXTS, "the entity's key columns, where entity does not tell them"),
        Key("event_time", TEXT, "when the features were true, where materialization does not tell it"),
        Key("created_time", TEXT, "when they became known, likewise"),
        Key("ttl", TEXT, "how long they hold, likewise"),
        Key(
            "materialization", MAPPING, "the columns of its times, and how long the features hold",
            within=(
                Key("event_time_col", TEXT, "when the features were true", option("--event-time", metavar="COLUMN")),
                Key("created_time_col", TEXT, "when they became known", option("--created", metavar="COLUMN")),
                Key("ttl", TEXT, "how long they hold, as 7d", option("--ttl", metavar="TIME")),
                *_STORE,
            ),
        ),
        Key("features", LOOSE, "the features (default: all other columns)", option("--features", type=comma, metavar="A,B")),
        Key("tests", MAPPINGS, "checks of the table, as a rule writes them"),
        *_STORE,
        DUCKDB,
    ),
    arguments=("entity", "features", "inputs", "materialization", "tags"),
    parametrised=True,
    spelled=_spelled,
    statements=lambda config: [*body_of(config), *statements_of_checks(config)],
    reads=related,
    aliases=lambda inputs: {"source": inputs[0]} if len(inputs) == 1 else {},
    verbs={
        "features": "seeknal_nb.kinds.features.asked:features_of",
        "latest": "seeknal_nb.kinds.features.asked:latest_of",
    },
    rewrites="seeknal_nb.kinds.features.retrieval:with_groups",
)  # fmt: skip
