"""Connections to PostgreSQL: from a profiles file or a connection string to an open one; knows no node's table or query.

A node says ``connection: NAME`` (a mapping under ``connections`` of a profiles file), ``connection_string: TEXT``, or
gives ``host``, ``user`` and so on among its ``params``. A secret is written ``${NAME}`` and put in when the connection is
opened; only a profiles file, which nobody commits, may hold one as it is. Whatever was put in is hidden in every text
that comes back. ``check_connection`` is for definitions, ``place_of`` for looking, the others are for runs.
"""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from seeknal_nb.engines import Interrupted
from seeknal_nb.engines.interrupts import attended
from seeknal_nb.errors import ManifestError, NodeError, near
from seeknal_nb.kinds.declared import FIELDS
from seeknal_nb.sql.text import column
from seeknal_nb.storage.documents import read_yaml
from seeknal_nb.storage.files import digest

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from seeknal_nb.kinds.task import Surroundings
    from seeknal_nb.secrets import Secrets

__all__ = [
    "CONNECTION_KEYS",
    "DRIVER",
    "cancellable",
    "check_connection",
    "check_string",
    "connect",
    "driver_errors",
    "place_of",
    "uri_of",
]

T = TypeVar("T")
PROFILES = "profiles.yml"
DRIVER = "pip install 'seeknal_nb[postgres]'"
CONNECTION_KEYS = frozenset({"connection", "connection_string", *FIELDS})
"""Keys of a config, or of its ``params``, that this module reads; ``schema`` of a profile is its search path."""
IN_PROFILE = frozenset({"type", "schema", "url", "connection_string", *FIELDS})
TIMEOUT = 10
"""Seconds that a server may take to answer, where nothing else is said."""
_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
_DOLLAR = re.compile(r"^\$(\w+)$")
_SPECIAL = re.compile(r"[\\'\s]")
_WHOLE_PLACEHOLDER = re.compile(r"(\$\{\w+\})+")
_KEYWORD_PASSWORD = re.compile(r"""\b(?:password|sslpassword)\s*=\s*('(?:[^'\\]|\\.)*'|[^\s&]+)""", re.IGNORECASE)
_PAIR = re.compile(r"""(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)*)""")
_UNESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SCHEMES = ("postgresql", "postgres")
_PLACE: Mapping[str, str] = {
    "host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT", "dbname": "PGDATABASE", "options": "PGOPTIONS",
    "service": "PGSERVICE",
}  # fmt: skip
"""What tells where a database is, and which variables libpq takes instead."""


def check_connection(config: Mapping[str, Any]) -> None:
    """Refuse what no connection can be, and a secret that is written out: raises ``ManifestError``."""
    said = _said(config)
    fields = [name for name in FIELDS if said.get(name) is not None]
    string, name = said.get("connection_string"), said.get("connection")
    if string is not None and (name is not None or fields):
        other = "connection" if name is not None else fields[0]
        raise ManifestError(f"connection_string and {other}", why="both say where the database is", remedy="keep one")
    if string is None and name is None and not fields:
        raise ManifestError(
            "no connection named",
            remedy="--connection NAME of profiles.yml, or connection_string: postgresql://user:${PGPASSWORD}@host/database",
        )
    for key in ("connection", "connection_string", *FIELDS):
        if said.get(key) is not None and not isinstance(said[key], (str, int)):
            raise ManifestError(f"{key} is no text", why=f"it is {type(said[key]).__name__}", remedy=f"{key}: TEXT")
    _check_secrets(said)


def place_of(config: Mapping[str, Any], around: Surroundings) -> tuple[str, str]:
    """The database that a connection means, and the schema of its profile, without asking it.

    It holds no user and no password, and raises nothing: a variable that is not set stays as it is written, and of a
    profile that cannot be read there is its name. Whoever connects will say why.
    """
    said = _said(config)
    name = said.pop("connection", None)
    try:
        fields = {**(_profile(str(name), around) if name is not None else {}), **said}
    except NodeError:
        return f"connection {name}", str(said.get("schema", ""))
    texts = {key: str(value) for key, value in fields.items() if value is not None}
    pieces = _pieces(texts, around.secrets)
    found = {
        key: _if_set(pieces.get(key) or os.environ.get(variable, ""), around.secrets) for key, variable in _PLACE.items()
    }
    found |= {"host": found["host"].casefold(), "port": found["port"] or "5432"}
    if not found["dbname"]:  # libpq takes the user's name
        found["dbname"] = digest(pieces.get("user", ""))
    return repr(sorted((key, value) for key, value in found.items() if value)), _if_set(
        texts.get("schema", ""), around.secrets
    )


def _if_set(text: str, secrets: Secrets) -> str:
    try:
        return secrets.expand(text)
    except NodeError:
        return text


def _pieces(fields: Mapping[str, str], secrets: Secrets) -> dict[str, str]:
    """By libpq's names, what fields or their connection string say; variables are put in by whoever needs them."""
    string = fields.get("connection_string") or fields.get("url")
    if not string:
        return {FIELDS[name]: text for name, text in fields.items() if name in FIELDS}
    text = _if_set(string, secrets) if _WHOLE_PLACEHOLDER.fullmatch(string) else string
    if "://" in text:
        return _of_url(text.partition("://")[2])
    pairs = {name: _UNESCAPED.sub(r"\1", value[1:-1] if value[:1] == "'" else value) for name, value in _PAIR.findall(text)}
    return pairs or ({"host": string} if text == string else {})


def _of_url(rest: str) -> dict[str, str]:
    """A URL without its scheme, cut as libpq cuts it: a login may hold ``#`` and ``?``, which urllib would end it at."""
    login, at, hosts = rest.partition("/")[0].rpartition("@")
    if not at and "@" in rest.partition("?")[0]:  # a slash in the login, which libpq cannot read either
        return {}
    base, _, query = (hosts + rest[len(login + at + hosts) :]).partition("?")
    named, _, database = base.partition("/")
    pairs = [_host_and_port(one) for one in named.split(",")]
    found = {"user": login.partition(":")[0], "host": ",".join(h for h, _ in pairs), "port": ",".join(p for _, p in pairs)}
    found = {name: unquote(value) for name, value in (found | {"dbname": database}).items() if value}
    return found | dict(parse_qsl(query))


def _host_and_port(text: str) -> tuple[str, str]:
    host, colon, port = text.rpartition(":")
    return (host.strip("[]"), port) if colon and "]" not in port else (text.strip("[]"), "")


@contextmanager
def connect(config: Mapping[str, Any], around: Surroundings, *, write: bool = False) -> Iterator[Any]:
    """An open ADBC connection (DB-API) inside a transaction, closed at the end; nothing is committed by itself.

    Args:
        config: A node's: ``connection`` and so on, in it or in its ``params``.
        around: Where profiles lie, and what ``${NAME}`` stands for.
        write: Whether the transaction may change anything; else PostgreSQL refuses that.

    Raises:
        NodeError: It cannot be opened, or the driver raised inside; without a secret in its text.
    """
    dbapi = _driver()
    uri, schema = _target(config, around)
    remedy = "see that the server runs, and who may connect"
    with driver_errors(around.secrets, "the database cannot be reached", remedy=remedy):
        opened = dbapi.connect(uri)
    with closing(opened), driver_errors(around.secrets, "PostgreSQL refuses"), opened.cursor() as cursor:
        if not write:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        if schema:
            cursor.execute(f"SET LOCAL search_path TO {column(schema)}, public")
        yield opened


@contextmanager
def driver_errors(secrets: Secrets, what: str, *, remedy: str = "mend the query or the connection") -> Iterator[None]:
    """Turn the driver's errors into ``NodeError``, with every known secret hidden and nothing chained that has one."""
    dbapi = _driver()
    try:
        yield
    except dbapi.Error as error:
        raise NodeError(what, why=secrets.hide(" ".join(str(error).split()))[:2000], remedy=remedy) from None


def cancellable(cursor: Any, work: Callable[[], T], cancelled: threading.Event | None = None) -> T:
    """What the work gives, done in a helper: the driver turns Ctrl-C in the main thread into an error of the statement.

    Args:
        cursor: Whose statement is cancelled when nobody waits for it any more.
        work: What uses it.
        cancelled: Set when nobody does.

    Raises:
        Interrupted: ``cancelled`` was set.
        KeyboardInterrupt: Somebody pressed Ctrl-C.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="seeknal-postgres") as helper:
        return attended(helper.submit(work), lambda: _cancel(cursor), lambda: _go_on(cancelled))


def _cancel(cursor: Any) -> None:
    with suppress(_driver().Error):  # its statement has not begun, or has ended
        cursor.adbc_cancel()


def _go_on(cancelled: threading.Event | None) -> None:
    if cancelled is not None and cancelled.is_set():
        raise Interrupted


def _driver() -> Any:
    try:
        from adbc_driver_postgresql import dbapi  # noqa: PLC0415 - an extra, and 0.4 s
    except ImportError as error:
        raise NodeError("PostgreSQL needs a driver", why=str(error), remedy=DRIVER) from error
    return dbapi


def _said(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a config and its ``params`` say of the connection."""
    both = {**(config.get("params") or {}), **{k: v for k, v in config.items() if v is not None}}
    found = {name: both[name] for name in CONNECTION_KEYS if both.get(name) is not None}
    if isinstance((config.get("params") or {}).get("schema"), str):
        found["schema"] = config["params"]["schema"]
    if "://" in str(found.get("connection", "")):
        found["connection_string"] = found.pop("connection")
    return found


def _check_secrets(said: Mapping[str, Any]) -> None:
    password = said.get("password")
    if password is not None and not _WHOLE_PLACEHOLDER.fullmatch(str(password)):
        raise _written_out("password")
    check_string(str(said.get("connection_string") or ""), "connection_string")


def _written_out(what: str) -> ManifestError:
    why = "a definition is kept in the manifest, where everybody can read it"
    return ManifestError(f"{what} is written out", why=why, remedy="write ${NAME}, and set NAME in the environment")


def check_string(string: str, what: str) -> None:
    """Refuse a connection string with a password written out: raises ``ManifestError``, which does not repeat it."""
    if any(not _WHOLE_PLACEHOLDER.fullmatch(found) for found in _passwords(string)):
        raise _written_out(f"the password in {what}")


def uri_of(string: str, secrets: Secrets) -> str:
    """A connection string with its variables put in and hidden, and a limit of time; raises ``NodeError``."""
    full = _put_in(string, secrets)
    _hide_passwords(_passwords(full), secrets)
    return _completed(full)


def _hide_passwords(found: Iterable[str], secrets: Secrets) -> None:
    for secret in found:
        for one in dict.fromkeys((secret, unquote(secret))):
            secrets.hide_value(one, "the password of a connection")


def _passwords(string: str) -> list[str]:
    """The passwords in a connection string, in both of libpq's forms."""
    found = [text.strip("'") for text in _KEYWORD_PASSWORD.findall(string)]
    if "://" in string:
        login = string.partition("://")[2].partition("/")[0].rpartition("@")[0]
        found += [login.partition(":")[2]] if ":" in login else []
    return [one for one in found if one]


def _target(config: Mapping[str, Any], around: Surroundings) -> tuple[str, str]:
    """The URI, and the schema that a profile names."""
    said = _said(config)
    fields: dict[str, Any] = {}
    if "connection" in said:
        fields = _profile(str(said["connection"]), around)
    fields |= {name: value for name, value in said.items() if name != "connection"}
    full = {name: _put_in(str(value), around.secrets) for name, value in fields.items() if value is not None}
    string = full.get("connection_string") or full.get("url")
    _hide_passwords((full.get("password", ""), *_passwords(string or "")), around.secrets)
    return (_completed(string) if string else _conninfo(full)), full.get("schema", "")


def _put_in(text: str, secrets: Secrets) -> str:
    """A text with its ``${NAME}`` put in, as its form quotes them: a variable holds a password as it is typed."""
    if _WHOLE_PLACEHOLDER.fullmatch(text) or ("=" not in text and "://" not in text):
        return secrets.expand(text)

    def written(match: re.Match[str]) -> str:
        value = secrets.value(match[1])
        found = quote(value, safe="") if "://" in text else _SPECIAL.sub(r"\\\g<0>", value)
        secrets.hide_value(found, match[1])
        return found

    return _PLACEHOLDER.sub(written, text)


def _completed(string: str) -> str:
    """A user's own string with a time limit, where it has none, so that a dead host does not hold a run for minutes."""
    if "://" in string:
        scheme = string.partition("://")[0]
        if scheme not in _SCHEMES:
            raise NodeError(f"{scheme}:// is no PostgreSQL", remedy="write postgresql://user:${PGPASSWORD}@host/database")
        mark = "&" if urlsplit(string).query else "" if string.endswith("?") else "?"
        return string if "connect_timeout=" in string else f"{string}{mark}connect_timeout={TIMEOUT}"
    return string if "connect_timeout" in string else f"{string} connect_timeout={TIMEOUT}"


def _conninfo(fields: Mapping[str, str]) -> str:
    """Fields as libpq's ``key='value'`` pairs."""
    found = {"connect_timeout": str(TIMEOUT)} | {FIELDS[name]: text for name, text in fields.items() if name in FIELDS}
    return " ".join(f"{name}='{_escaped(text)}'" for name, text in found.items())


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)


def _profile(name: str, around: Surroundings) -> dict[str, Any]:
    """A connection of the project's profiles file, else of the user's."""
    known: dict[str, Any] = {}
    for path in (around.root / PROFILES, Path.home() / ".seeknal" / PROFILES):
        known = _connections(path) | known
    if name not in known:
        where = f"{PROFILES} of the project, or of ~/.seeknal"
        raise NodeError(f"no connection {name!r}", why=f"it is not in {where}", remedy=near(name, known, what="connection"))
    found = known[name]
    if not isinstance(found, dict):
        raise NodeError(f"connection {name!r} is no mapping", remedy="host: ..., user: ..., database: ...")
    strange = [str(key) for key in found if key not in IN_PROFILE]
    if strange:
        why = f"{strange[0]!r} is no field of one"
        raise NodeError(f"connection {name!r} cannot be read", why=why, remedy=near(strange[0], IN_PROFILE, what="field"))
    if str(found.get("type", "postgresql")).casefold() not in _SCHEMES:
        raise NodeError(f"connection {name!r} is no PostgreSQL", why=f"type: {found['type']}", remedy="type: postgresql")
    # Their other spelling of a variable in the peer's profiles.
    return {key: _DOLLAR.sub(r"${\1}", value) if isinstance(value, str) else value for key, value in found.items()}


def _connections(path: Path) -> dict[str, Any]:
    """The connections of one profiles file; none where there is no file."""
    if not path.is_file():
        return {}
    try:
        documents = list(read_yaml(path.read_text(encoding="utf-8"), file=str(path)))
    except (ManifestError, OSError, UnicodeDecodeError) as error:
        place = f" at {error.place}" if isinstance(error, ManifestError) and error.place else ""
        # What the parser quotes may be a password: the place must do.
        raise NodeError("the profiles file cannot be read", why=f"{path}{place}", remedy="mend its YAML") from None
    found = documents[0].value if documents and isinstance(documents[0].value, dict) else {}
    named = found.get("connections") or {}
    if not isinstance(named, dict):
        raise NodeError("connections of the profiles file is no mapping", why=str(path), remedy="connections: {NAME: {...}}")
    return dict(named)
