"""Bytes at a URL, by fsspec: the file system that it names, and a store in which a project's builds lie. Knows no node.

In such a store nothing is renamed or looked up before it is read, and nothing is written in place but a record.
"""

from __future__ import annotations

import contextlib
import tempfile
import uuid
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seeknal_nb.errors import StateError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Remote", "file_system"]

EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "http": "http", "https": "http"}
"""The extra of this program that brings a scheme's library; those of others are their users' to install."""
FORM = "s3://bucket/prefix or gs://bucket/prefix"
NOT_SHARED = ("file", "local", "memory", "http", "https")
"""Schemes of which no store would tell who was first."""
TRIES = 3
CONNECT, READ = 10, 60
"""Seconds that a web server may take to be reached, and between two pieces of what it sends."""


def file_system(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path in it.

    Raises:
        StateError: Its library is not there; the error names the extra.
        UsageError: Nothing has that scheme.
    """
    scheme = url.partition("://")[0]
    extra = EXTRAS.get(scheme)
    remedy = f"pip install 'seeknal_nb[{extra}]'" if extra else f"install what fsspec needs for {scheme}://"
    try:
        from fsspec import core  # noqa: PLC0415 - an extra

        opened: tuple[Any, str] = core.url_to_fs(url, **_options(scheme))
    except ImportError as error:
        raise StateError(f"cannot use {scheme}://", why=str(error), remedy=remedy) from error
    except ValueError as error:
        raise UsageError(f"{scheme}:// is no store that is known", why=str(error), remedy=f"write {FORM}") from error
    return opened


def _options(scheme: str) -> dict[str, Any]:
    if not scheme.startswith("http"):
        return {"use_listings_cache": False}
    import aiohttp  # noqa: PLC0415 - an extra

    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT, sock_read=READ)
    headers = {"Accept-Encoding": "identity"}  # the bytes as they are: a .gz is to stay one
    return {"client_kwargs": {"timeout": timeout, "trust_env": True}, "headers": headers}


class Remote:
    """A prefix of an object store; any thread may use it.

    Args:
        url: ``s3://bucket/prefix``; credentials and endpoints are where the store's own library looks for them.
        project: A folder of its own below that.

    Raises:
        UsageError: It is no URL.
    """

    def __init__(self, url: str, project: str) -> None:
        scheme, sign, rest = url.partition("://")
        if not sign or not rest.strip("/") or scheme in NOT_SHARED:
            raise UsageError(f"outputs {url!r} is no URL of a store", remedy=f"write {FORM}")
        if not project:
            raise UsageError(
                "a project needs a name to share its builds", why=f"outputs is {url}",
                remedy='write name = "orders" below [tool.seeknal_nb] in pyproject.toml, or Project(name="orders")',
            )  # fmt: skip
        if "/" in project or project.strip(".") == "":
            raise UsageError(
                f"{project!r} is no name of a folder", why="builds are shared below it", remedy="take its slashes out"
            )
        self.url = f"{url.rstrip('/')}/{project}"

    def __str__(self) -> str:
        return self.url

    def open(self) -> None:
        """Have its library here; raises ``StateError`` or ``UsageError``."""
        _ = self._opened

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        """The file system, and the path of the prefix in it."""
        return file_system(self.url)

    @contextlib.contextmanager
    def _errors(self, doing: str, at: str) -> Iterator[Any]:
        """The file system; whatever its library says becomes a ``StateError``, but that a thing is there, or is not."""
        fs, _ = self._opened
        try:
            yield fs
        except (FileNotFoundError, FileExistsError):
            raise
        except Exception as error:
            why = f"{type(error).__name__}: {' '.join(str(error).split())}"
            remedy = "see that the address, the credentials and the network are what they should be; seeknal doctor tries it"
            raise StateError(f"cannot {doing} {self.url}/{at}", why=why[:1000], remedy=remedy) from error

    def _path(self, at: str) -> str:
        return f"{self._opened[1]}/{at}"

    def read(self, at: str) -> bytes | None:
        """The bytes there; None where there are none, which is one request. Raises ``StateError``."""
        with tempfile.TemporaryDirectory(prefix="seeknal-") as folder, contextlib.suppress(FileNotFoundError):
            file = Path(folder) / "read"
            self.pull(at, file)
            return file.read_bytes()
        return None

    def claim(self, at: str, data: bytes, *, replace: bool = False) -> bytes:
        """Put a record where there is none, or replace it; gives the one that counts now. Raises ``StateError``.

        The store decides between those that come at once. An answer that is lost, so that the request was made twice, is no
        loss: then the record that is there is this one.
        """
        for _ in range(TRIES):
            with contextlib.suppress(FileExistsError), self._errors("write", at) as fs:
                fs.pipe_file(self._path(at), data, mode="overwrite" if replace else "create")
                return data
            if (there := self.read(at)) is not None:  # or somebody has taken it away since
                return there
        raise StateError(f"cannot write {self.url}/{at}", why="its store says that it is there, and that it is not")

    def send(self, file: Path, at: str) -> None:
        """Put a file there. Raises ``StateError``."""
        try:
            with self._errors("write", at) as fs:
                fs.put_file(str(file), self._path(at))
        except FileNotFoundError as error:
            remedy = "see that the bucket is there"
            raise StateError(f"cannot write {self.url}/{at}", why=str(error), remedy=remedy) from error

    def pull(self, at: str, file: Path) -> None:
        """Fetch a file. Raises ``StateError``, and ``FileNotFoundError`` where there is none."""
        with self._errors("read", at) as fs:
            fs.get_file(self._path(at), str(file))

    def size(self, at: str) -> int:
        """The bytes of what is there; -1 where nothing is. Raises ``StateError``."""
        try:
            with self._errors("read", at) as fs:
                fs.invalidate_cache()
                return int(fs.info(self._path(at))["size"])
        except FileNotFoundError:
            return -1

    def remove(self, at: str) -> None:
        """Take away what is there, as far as that can be: it is in nobody's way."""
        with contextlib.suppress(StateError, FileNotFoundError), self._errors("remove", at) as fs:
            fs.rm(self._path(at), recursive=True)

    def held(self) -> dict[str, tuple[float, int]]:
        """All there is, by its path below the prefix: seconds since the epoch when it was written, and bytes."""
        try:
            with self._errors("list", "") as fs:
                fs.invalidate_cache()
                found = fs.find(self._opened[1], detail=True)
        except FileNotFoundError:
            return {}
        return {
            path.removeprefix(self._opened[1]).lstrip("/"): (_written(told), int(told["size"] or 0))
            for path, told in found.items()
        }

    def check(self) -> str:
        """Try it: who comes second to a name must be told. Gives the library and its version.

        Raises:
            StateError: It cannot be reached or written, or takes whoever comes last.
        """
        at = f".check-{uuid.uuid4().hex}"
        try:
            first, second = self.claim(at, b"first"), self.claim(at, b"second")
        finally:
            self.remove(at)
        if (first, second) != (b"first", b"first"):
            raise StateError(
                f"{self.url} takes whoever comes last", why="two runs that build the same at once must agree on one of them",
                remedy="use a store that knows If-None-Match on a PUT, as S3 and Google Cloud Storage do",
            )  # fmt: skip
        library = type(self._opened[0]).__module__.partition(".")[0]
        return f"{library} {_version(library)}"


def _version(library: str) -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - only who asks needs it

    with contextlib.suppress(PackageNotFoundError):
        return version(library)
    return ""


def _written(told: dict[str, Any]) -> float:
    """When an object was written, whatever its library calls that; now, where it does not say."""
    found = next((told[name] for name in ("LastModified", "mtime", "last_modified", "created") if told.get(name)), None)
    if isinstance(found, datetime):
        return found.timestamp()
    return float(found) if isinstance(found, (int, float)) else float("inf")
