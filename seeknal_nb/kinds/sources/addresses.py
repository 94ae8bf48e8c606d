"""Sources at an address: ``s3://``, ``gs://``, ``https://``. Only a run asks; each version is downloaded whole, once.

The version is what the server says: a version or an ETag, else when it was changed. Where it says nothing, a run downloads,
and the rows decide whether anything follows. A version is kept below ``target/downloads`` until there is another one.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from seeknal_nb.dag.partitions import KEY
from seeknal_nb.engines import Interrupted
from seeknal_nb.errors import ManifestError, NodeError, SeeknalError, near
from seeknal_nb.kinds.sources.readers import READERS, ending, format_of, options_of, path_of
from seeknal_nb.kinds.task import Probe
from seeknal_nb.storage.files import digest, digest_file, io_errors, remove_dead, temporary_name
from seeknal_nb.storage.looks import looking
from seeknal_nb.storage.remote import EXTRAS, file_system
from seeknal_nb.storage.stages import folders

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seeknal_nb.dag.manifest import Node
    from seeknal_nb.kinds.task import Surroundings, Task
    from seeknal_nb.secrets import Secrets

    _Looked = tuple[dict[str, str], int | None]
    """What tells the version of an object, by the names of its server, and its size."""

__all__ = ["DOWNLOADS", "check_address", "downloaded", "is_address", "probe_address"]

DOWNLOADS = "downloads"
TOLD = ".told.json"
"""In the folder of a version: the digest of each of its files."""
GOOD, NOT_FOUND = 200, 404
PART, UNKNOWN = "part", "unknown"
"""What is not here as a whole, and a version that has no name, on their way."""
VERSIONS = ("VersionId", "generation", "ETag", "etag", "md5Hash", "Content-MD5", "Digest")
"""By what a server tells one version of an object from another, by itself."""
TIMES = ("LastModified", "Last-Modified", "last_modified", "updated", "mtime")
"""When it was changed, which with its size will do where there is no other."""
_ADDRESS = re.compile(r"(\w[\w+.-]*)://")
_PATTERN = re.compile(r"[*?\[]")


def is_address(node: Node) -> bool:
    """Whether the node's path is a URL."""
    return _ADDRESS.match(path_of(node) or "") is not None


def check_address(node: Node) -> None:
    """Refuse what nobody can read from there: raises ``ManifestError``."""
    address = path_of(node) or ""
    scheme = address.partition("://")[0]
    if scheme not in EXTRAS:
        remedy = "write the file's path" if scheme == "file" else near(scheme, EXTRAS, what="scheme")
        raise ManifestError(f"{scheme}:// is read by no source", remedy=remedy)
    if node.config.get(KEY) is not None:
        why = "its partitions are told from files that lie here"
        raise ManifestError("a source at an address has no partitions", why=why, remedy="take partition_by away")
    if options_of(node).get("filename"):
        raise ManifestError(
            "a source at an address has no filename", why="the file's own is not the address's", remedy="take it away"
        )
    if scheme.startswith("http") and "*" in address:
        raise ManifestError("a web server has no patterns", why=address, remedy="name one file a source")


def probe_address(node: Node, around: Surroundings, due: str) -> Probe:
    """What is there now, as far as the server tells it without sending it; only a run asks."""
    if not around.asking:
        return Probe(due=due or "a run asks whether it has changed", sure=bool(due))
    address = path_of(node) or ""
    try:
        with looking(address):
            found = _found(node, around.secrets)
    except NodeError as error:
        return Probe(due=due or f"{error.what}: {error.why}")
    if not _is_known(found):
        return Probe(_text(found, address), due=due or "its server tells no version", moving=True)
    return Probe(_text(found, address), due=due)


@contextlib.contextmanager
def downloaded(task: Task) -> Iterator[list[Path]]:
    """The files of the address, here, in the order of their names; those of a version are not downloaded twice.

    Raises:
        NodeError: They cannot be read, or change meanwhile.
        Interrupted: Nobody waits for them any more.
    """
    address, secrets = path_of(task.node) or "", task.surroundings.secrets
    found = _found(task.node, secrets)
    known = _is_known(found)
    if known and task.probe is not None and digest(_text(found, address)) != task.probe:  # as servers that lag behind others
        raise _changed(address)
    own = task.stage.parents[1].with_name(DOWNLOADS) / task.node.id
    folder = own / (digest(_text(found, address)) if known else temporary_name(UNKNOWN))
    try:
        if not _is_whole(folder):
            for name in (PART, UNKNOWN):
                remove_dead(own / name)
            _download(task, found, folder)
            if _found(task.node, secrets) != found:
                shutil.rmtree(folder, ignore_errors=True)
                raise _changed(address)
        yield [folder / name for name in _names(found, address)]
    finally:
        if not known:
            shutil.rmtree(folder, ignore_errors=True)
        for other in folders(own):
            if other.name.isalnum() and other != folder:  # a version, and none that another process is downloading
                shutil.rmtree(other, ignore_errors=True)


def _is_known(found: Mapping[str, _Looked]) -> bool:
    return all(version for version, _ in found.values())


def _changed(address: str) -> NodeError:
    return NodeError("it changed while it was read", why=address, remedy="run again when it is complete")


def _is_whole(folder: Path) -> bool:
    """Whether a version lies there as it was downloaded."""
    try:
        told = json.loads((folder / TOLD).read_bytes())
        return all(digest_file(folder / name) == found for name, found in told.items())
    except (OSError, ValueError, AttributeError):
        return False


def _download(task: Task, found: Mapping[str, _Looked], folder: Path) -> None:
    """All of them, or none."""
    address, secrets = path_of(task.node) or "", task.surroundings.secrets
    stage, names = folder.with_name(temporary_name(PART)), _names(found, address)
    try:
        with _errors(address, secrets):
            fs, _ = file_system(secrets.expand(address))
        for (path, (version, size)), name in zip(found.items(), names, strict=True):
            (stage / name).parent.mkdir(parents=True, exist_ok=True)
            with _errors(address, secrets):
                more = {"raise_for_status": _as_looked_up(version, address)} if address.startswith("http") else {}
                fs.get_file(path, str(stage / name), callback=_heard(task), **more)
            if size is not None and (stage / name).stat().st_size != size:
                why = f"{name} has {(stage / name).stat().st_size:,} bytes, and its server told of {size:,}"
                raise NodeError("it did not come whole", why=why, remedy="run again; see what lies between here and there")
        (stage / TOLD).write_text(json.dumps({name: digest_file(stage / name) for name in names}))
        with io_errors("write", folder):
            shutil.rmtree(folder, ignore_errors=True)
            stage.rename(folder)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _as_looked_up(version: Mapping[str, str], address: str) -> Any:
    """What looks at the head of a web server's answer: it must be whole, and of the version that was looked up."""

    async def check(answer: Any) -> None:
        if answer.status == NOT_FOUND:
            return
        answer.raise_for_status()
        if answer.status != GOOD:
            raise NodeError("its server sends something else", why=f"{address}: status {answer.status}", remedy="run again")
        if any(answer.headers.get(name, told) != told for name, told in version.items()):
            raise _changed(address)

    return check


def _heard(task: Task) -> Any:
    """What fsspec tells of each piece, so that a download ends when nobody waits for it."""
    from fsspec.callbacks import Callback  # noqa: PLC0415 - an extra

    class Heard(Callback):  # type: ignore[misc]
        def relative_update(self, inc: int = 1) -> None:
            super().relative_update(inc)
            if task.cancelled.is_set():
                raise Interrupted

    return Heard()


def _found(node: Node, secrets: Secrets) -> dict[str, _Looked]:
    """By path in its store, in order, the version and the size of each object that the address means.

    Raises:
        NodeError: It cannot be asked, or there is none.
    """
    address = path_of(node) or ""
    with _errors(address, secrets):
        fs, path = file_system(secrets.expand(address))
        infos = _infos(fs, path, "" if _is_file(address) else format_of(node), web=address.startswith("http"))
    if not infos:
        raise NodeError("nothing is there", why=address, remedy="put it there, or mend the address")
    for name in _names(infos, address):
        if ".." in PurePosixPath(name).parts:
            raise NodeError("an object's name leads out of its folder", why=name, remedy="name objects without ..")
    return {path: (_version(info), info.get("size")) for path, info in sorted(infos.items())}


def _is_file(address: str) -> bool:
    return not address.endswith("/")


def _infos(fs: Any, path: str, form: str, *, web: bool) -> dict[str, Mapping[str, Any]]:
    """By path, what the store tells of each object; of a prefix, which ``form`` says it is, those of that format."""
    if web:
        return {path: fs.info(path)}
    if form:
        found = fs.find(f"{path}/", detail=True)
        below = {name: name.removeprefix(f"{path}/") for name in found if ending(name) in READERS[form].endings}
        return {name: found[name] for name, rest in below.items() if not any(p[0] in "._" for p in rest.split("/") if p)}
    if _PATTERN.search(path):
        return {name: info for name, info in fs.glob(path, detail=True).items() if info.get("type") != "directory"}
    return {path: fs.info(path)}


def _version(info: Mapping[str, Any]) -> dict[str, str]:
    """What tells the version of an object from others; nothing where its server tells none."""
    own = {name: str(info[name]) for name in VERSIONS if info.get(name) and info[name] != "null"}  # of no versioning
    return own or next(({name: str(info[name])} for name in TIMES if info.get(name)), {})


def _text(found: Mapping[str, _Looked], address: str) -> str:
    """What a key holds of it: no store's own path, which may have a secret in it."""
    told = [[name, *looked] for name, looked in zip(_names(found, address), found.values(), strict=True)]
    return f"address {address} {digest(json.dumps(told))}"


def _names(found: Mapping[str, Any], address: str) -> list[str]:
    """Where each object lies below what all have in common; of one its name, with its variables as they are written."""
    plain = re.split(r"[?#]", address, maxsplit=1)[0]
    if len(found) == 1 and _is_file(address) and not _PATTERN.search(plain):
        return [PurePosixPath(plain).name]
    paths = [PurePosixPath(path) for path in found]
    above = paths[0].parent
    while not all(path.is_relative_to(above) for path in paths):
        above = above.parent
    return [path.relative_to(above).as_posix() for path in paths]


@contextlib.contextmanager
def _errors(address: str, secrets: Secrets) -> Iterator[None]:
    """Whatever a library says becomes a ``NodeError``, without a secret."""
    try:
        yield
    except Interrupted:
        raise
    except FileNotFoundError:
        why = f"{address}: it is not found, or its server does not say of it what it should"
        raise NodeError("nothing is there", why=why, remedy="put it there, or mend the address") from None
    except SeeknalError as error:
        raise NodeError(error.what, why=secrets.hide(error.why), remedy=error.remedy) from None
    except Exception as error:  # noqa: BLE001 - each library has errors of its own
        why = secrets.hide(f"{address}: {type(error).__name__}: {' '.join(str(error).split())}")[:1000]
        remedy = "see that the address, the credentials and the network are what they should be"
        raise NodeError("the address cannot be read", why=why, remedy=remedy) from None
