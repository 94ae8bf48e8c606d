"""Sources at an address: downloaded once a version, by real servers on the loopback; only a run asks."""

from __future__ import annotations

import gzip
import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from waiting import eventually

from seeknal_nb import Project
from seeknal_nb.errors import ManifestError, SeeknalError
from seeknal_nb.kinds.sources.addresses import _version

ROWS = b"x,y\n1,2\n3,4\n"


@dataclass
class Site:
    """What a web server has.

    Attributes:
        files: By path, the bytes and the headers.
        asked: Method and path of each request.
    """

    url: str = ""
    files: dict[str, tuple[bytes, dict[str, str]]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    slow: threading.Event | None = None
    short: int | None = None
    status: int = 200
    got_headers: dict[str, str] = field(default_factory=dict)
    after: Callable[[str], None] = lambda _method: None

    def put(self, path: str, data: bytes, **headers: str) -> None:
        self.files[path] = data, {name.replace("_", "-"): value for name, value in headers.items()}

    def got(self) -> list[str]:
        """The paths that were downloaded since the last time."""
        found = [path for method, path in self.asked if method == "GET"]
        self.asked.clear()
        return found


def answer(handler: BaseHTTPRequestHandler, own: Site, *, body: bool) -> None:
    own.asked.append((handler.command, handler.path))
    if handler.command in own.refuses or handler.path not in own.files:
        handler.send_error(405 if handler.command in own.refuses else 404)
        return
    data, headers = own.files[handler.path]
    handler.send_response(own.status if body else 200)
    if body and own.short is not None:
        data = data[: own.short]
    else:
        handler.send_header("Content-Length", str(len(data)))
    for name, value in {**headers, **(own.got_headers if body else {})}.items():
        handler.send_header(name, value)
    handler.end_headers()
    if body and own.status == 200:
        if own.slow is not None:
            handler.wfile.write(data[:1])
            handler.wfile.flush()
            own.slow.wait(60)
        handler.wfile.write(data)


@pytest.fixture
def site() -> Iterator[Site]:
    own = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            answer(self, own, body=False)
            own.after(self.command)

        def do_GET(self) -> None:
            answer(self, own, body=True)
            own.after(self.command)

        def log_message(self, *_: Any) -> None:
            """Tests have their own."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    own.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield own
    server.shutdown()
    server.server_close()


def reading(project: Project, path: str, **config: Any) -> Project:
    project.source("s", path=path, **config)
    project.transform("t", "SELECT sum(y) AS y FROM s")
    return project


def run(project: Project, **options: Any) -> dict[str, str]:
    """How each node came out, by its bare name."""
    return {one.node_id.partition(".")[2]: str(one.status) for one in project.run(progress=False, **options).results}


BUILT = {"s": "success", "t": "success"}
KEPT = {"s": "cached", "t": "cached"}


# A version


@pytest.mark.parametrize("headers", [{"ETag": '"1"'}, {"ETag": 'W/"1"'}, {"Last_Modified": "Tue, 01 Dec 2026 10:00:00 GMT"}])
def test_a_version_is_downloaded_once_and_another_one_again(project, site, headers):
    site.put("/d/x.csv", ROWS, **headers)
    reading(project, f"{site.url}/d/x.csv")
    assert run(project) == BUILT
    assert project["t"].y.tolist() == [6]
    assert site.got() == ["/d/x.csv"]
    assert run(project) == KEPT
    assert site.got() == []
    site.put("/d/x.csv", ROWS + b"5,6\n", **{name: value.replace("1", "2") for name, value in headers.items()})
    assert run(project) == BUILT
    assert project["t"].y.tolist() == [12]
    assert site.got() == ["/d/x.csv"]


def test_the_same_rows_under_another_version_stop_what_follows(project, site):
    site.put("/x.csv", ROWS, ETag='"1"')
    reading(project, f"{site.url}/x.csv")
    run(project)
    site.put("/x.csv", ROWS, ETag='"2"')
    assert run(project) == {"s": "success", "t": "cached"}


def test_without_a_version_each_run_downloads_and_the_rows_decide(project, site):
    site.put("/x.csv", ROWS)
    reading(project, f"{site.url}/x.csv")
    assert run(project) == BUILT
    assert run(project) == {"s": "success", "t": "cached"}
    assert site.got() == ["/x.csv"] * 2
    site.put("/x.csv", b"x,y\n1,2\n3,5\n")
    assert run(project) == BUILT
    assert project["t"].y.tolist() == [7]
    assert not list((project.directory / "target/downloads").rglob("*.csv"))


def test_an_option_that_changes_reads_the_version_that_is_here(project, site):
    site.put("/x.csv", ROWS, ETag='"1"')
    reading(project, f"{site.url}/x.csv")
    run(project)
    site.got()
    reading(project, f"{site.url}/x.csv", schema=[{"name": "y", "data_type": "DOUBLE"}])
    assert run(project) == BUILT
    assert site.got() == []
    assert project["s"].y.dtype == "float64"


def test_one_version_of_an_address_is_kept(project, site):
    reading(project, f"{site.url}/x.csv")
    for version in "123":
        site.put("/x.csv", ROWS + f"{version},1\n".encode(), ETag=version)
        run(project)
    assert len(list((project.directory / "target/downloads").rglob("x.csv"))) == 1


def test_plans_looks_and_tables_ask_no_server(project, site):
    site.put("/x.csv", ROWS, ETag='"1"')
    reading(project, f"{site.url}/x.csv")
    assert [(s.action, s.certain) for s in project.plan()] == [("run", True)] * 2
    run(project)
    site.asked.clear()
    assert [(s.action, s.certain) for s in project.plan()] == [("run", False)] * 2
    assert "a run asks whether it has changed" in str(project.plan())
    project.status()
    project.show("s")
    assert project["t"].y.tolist() == [6]
    assert site.asked == []


def test_a_server_without_head_is_asked_by_get(project, site):
    site.put("/x.csv", ROWS, ETag='"1"')
    site.refuses = {"HEAD"}
    reading(project, f"{site.url}/x.csv")
    assert run(project) == BUILT
    assert run(project) == KEPT


def test_what_is_packed_stays_packed_until_it_is_read(project, site):
    site.put("/x.csv.gz", gzip.compress(ROWS), ETag='"1"', Content_Encoding="identity")
    reading(project, f"{site.url}/x.csv.gz")
    assert run(project) == BUILT
    assert project["t"].y.tolist() == [6]


def test_a_query_is_part_of_the_address_and_no_part_of_the_ending(project, site):
    site.put("/x.csv?v=1&format=a.parquet", ROWS, ETag='"1"')
    reading(project, f"{site.url}/x.csv?v=1&format=a.parquet")
    assert run(project) == BUILT
    assert project["t"].y.tolist() == [6]


@pytest.mark.parametrize("options", [{"workers": 3}, {"executor": "processes", "workers": 2}])
def test_two_nodes_may_read_one_address(project, site, options):
    site.put("/x.csv", ROWS, ETag='"1"')
    for name in "abc":
        project.source(name, path=f"{site.url}/x.csv")
    assert set(run(project, **options).values()) == {"success"}
    assert [len(project[name]) for name in "abc"] == [2] * 3


def test_credentials_are_variables_and_are_told_nowhere(project, site, monkeypatch):
    monkeypatch.setenv("TOKEN", "very-s3cret")
    site.put("/x.csv?token=very-s3cret", ROWS, ETag='"1"')
    reading(project, site.url + "/x.csv?token=${TOKEN}")
    assert run(project) == BUILT
    monkeypatch.setenv("TOKEN", "wrong-s3cret")
    summary = project.run(progress=False)
    assert summary.failed
    kept = b"".join(path.read_bytes() for path in (project.directory / "target").rglob("*") if path.is_file())
    for secret in ("very-s3cret", "wrong-s3cret"):
        assert secret not in f"{summary} {summary.to_frame().to_csv()}"
        assert secret.encode() not in kept


# What goes wrong


def test_nothing_there_is_the_node_s_failure_and_the_others_go_on(project, site):
    reading(project, f"{site.url}/none.csv")
    project.source("other", sql="SELECT 1 AS one")
    summary = project.run(progress=False, continue_on_error=True)
    [failed] = summary.failed
    assert failed.node_id == "source.s"
    assert "nothing is there" in failed.error_message
    assert summary.successful_nodes == 1


def test_a_server_that_is_gone_fails_its_node_and_leaves_what_was(project, site):
    site.put("/x.csv", ROWS, ETag='"1"')
    reading(project, f"{site.url}/x.csv")
    run(project)
    del site.files["/x.csv"]
    assert run(project) == {"s": "failed", "t": "skipped"}
    assert len(project["s"]) == 2
    site.put("/x.csv", ROWS, ETag='"1"')
    assert run(project)["s"] in ("success", "cached")


def test_what_changes_while_it_is_downloaded_is_no_result(project, site):
    site.put("/x.csv", ROWS, ETag='"1"')

    def changes(method: str) -> None:
        if method == "GET":
            site.put("/x.csv", ROWS * 2, ETag=f'"{len(site.asked)}"')

    site.after = changes
    reading(project, f"{site.url}/x.csv")
    summary = project.run(progress=False)
    [failed] = summary.failed
    assert "changed while it was read" in failed.error_message
    site.after = lambda _method: None
    site.put("/x.csv", ROWS, ETag='"9"')
    assert run(project) == BUILT
    assert project["t"].y.tolist() == [6]


def test_what_is_cut_on_the_way_is_no_result(project, site):
    site.put("/x.csv", ROWS, ETag='"1"', Content_Length=str(len(ROWS) + 5))
    reading(project, f"{site.url}/x.csv")
    site.files["/x.csv"] = ROWS, {"ETag": '"1"', "Content-Length": str(len(ROWS) + 50)}
    assert run(project)["s"] == "failed"


def test_a_download_ends_when_nobody_waits_for_it(project, site):
    site.put("/x.csv", ROWS, ETag='"1"')
    site.slow = threading.Event()
    reading(project, f"{site.url}/x.csv")
    handle = project.start()
    eventually(lambda: ("GET", "/x.csv") in site.asked)
    handle.cancel()
    site.slow.set()
    eventually(lambda: handle.done if not callable(handle.done) else handle.done())
    assert not list((project.directory / "target/downloads").rglob("*.csv"))


REFUSED = [
    ("ftp://host/x.csv", {}, "ftp:// is read by no source"),
    ("htps://host/x.csv", {}, "did you mean https"),
    ("file:///tmp/x.csv", {}, "write the file's path"),
    ("https://host/*.csv", {}, "a web server has no patterns"),
    ("https://host/x.csv", {"partition_by": "file"}, "has no partitions"),
    ("https://host/x.csv", {"params": {"filename": True}}, "has no filename"),
    ("https://host/x", {}, "unknown format"),
]


@pytest.mark.parametrize(("path", "config", "said"), REFUSED)
def test_what_cannot_be_is_refused_when_it_is_defined(project, path, config, said):
    with pytest.raises((ManifestError, SeeknalError), match=said.replace("*", r"\*")):
        project.source("s", path=path, **config)
        project.plan()


def test_without_its_library_the_extra_is_named(project, site, monkeypatch):
    import sys

    site.put("/x.csv", ROWS, ETag='"1"')
    reading(project, f"{site.url}/x.csv")
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    summary = project.run(progress=False)
    assert "seeknal_nb[http]" in summary.failed[0].error_message or "aiohttp" in summary.failed[0].error_message


# An object store


def test_objects_of_a_store_are_told_apart_by_their_etags(project, bucket):
    put = lambda name, data: bucket.client.put_object(Bucket=bucket.name, Key=name, Body=data)  # noqa: E731
    put("d/a.csv", ROWS)
    reading(project, f"s3://{bucket.name}/d/a.csv")
    assert run(project) == BUILT
    assert run(project) == KEPT
    put("d/a.csv", b"x,y\n1,9\n")
    assert run(project) == BUILT
    assert project["t"].y.tolist() == [9]


@pytest.mark.parametrize("path", ["d/*.csv", "d/", "d/**/*.csv"])
def test_a_pattern_and_a_prefix_mean_all_objects_in_the_order_of_their_names(project, bucket, path):
    put = lambda name, data: bucket.client.put_object(Bucket=bucket.name, Key=name, Body=data)  # noqa: E731
    put("d/b.csv", b"x,y\n3,4\n")
    put("d/a.csv", b"x,y\n1,2\n")
    put("d/readme.txt", b"no rows")
    if path == "d/":
        put("d/_temporary/0/half.csv", b"x,y\n7,7\n")
        put("d/.tmp/half.csv", b"x,y\n7,7\n")
    put("e/c.csv", b"x,y\n100,100\n")
    reading(project, f"s3://{bucket.name}/{path}", format="csv")
    assert run(project) == BUILT
    assert project["s"].x.tolist() == [1, 3]
    put("d/c.csv", b"x,y\n5,6\n")
    assert run(project) == BUILT
    assert project["t"].y.tolist() == [12]
    bucket.client.delete_object(Bucket=bucket.name, Key="d/a.csv")
    assert run(project) == BUILT
    assert project["t"].y.tolist() == [10]
    assert run(project) == KEPT


def test_folders_that_tell_values_do_so_from_a_store_too(project, bucket):
    for year in (2023, 2024):
        bucket.client.put_object(Bucket=bucket.name, Key=f"h/year={year}/part.csv", Body=f"y\n{year - 2000}\n".encode())
    reading(project, f"s3://{bucket.name}/h/*/*.csv", params={"hive_partitioning": True})
    assert run(project) == BUILT
    assert sorted(zip(project["s"].year.tolist(), project["s"].y.tolist(), strict=True)) == [(2023, 23), (2024, 24)]


def test_a_colleague_takes_a_source_of_the_same_version_and_downloads_nothing(tmp_path, bucket, site):
    site.put("/x.csv", ROWS, ETag='"1"')
    site.put("/no.csv", ROWS)
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        project = Project(tmp_path / folder, name="p", outputs=bucket.url)
        reading(project, f"{site.url}/x.csv")
        project.source("n", path=f"{site.url}/no.csv")
        found = run(project)
        project.close()
        assert site.got() == (["/x.csv", "/no.csv"] if folder == "one" else ["/no.csv"])
    assert found == {"s": "cached", "t": "cached", "n": "success"}
    site.put("/no.csv", ROWS.replace(b"4", b"5"))
    project = Project(tmp_path / "one", name="p", outputs=bucket.url)
    project.source("n", path=f"{site.url}/no.csv")
    run(project)
    assert project["n"].y.tolist() == [2, 5]
    project.close()


def test_clean_takes_away_what_was_downloaded_for_a_source_that_is_gone(project, site):
    site.put("/x.csv", ROWS, ETag='"1"')
    project.source("gone", path=f"{site.url}/x.csv")
    reading(project, f"{site.url}/x.csv")
    run(project)
    project.remove("gone")
    project.clean()
    assert [path.name for path in (project.directory / "target/downloads").iterdir()] == ["source.s"]


@pytest.mark.parametrize("info", [{"VersionId": "null", "ETag": "a", "size": 1}, {"ETag": "a", "size": 1}])
def test_what_a_store_without_versions_tells_is_the_etag(info):
    """S3 calls the version of a bucket without versioning null, whatever the object holds."""
    assert _version(info) == {"ETag": "a"}
    assert _version({**info, "ETag": "b"}) == {"ETag": "b"}


def test_what_comes_short_of_what_was_told_is_no_result_and_is_not_kept(project, site):
    """Without a length, as of a proxy that gave up, an end is an end."""
    site.put("/x.csv", ROWS, ETag='"1"')
    site.short = len(ROWS) - 4
    reading(project, f"{site.url}/x.csv")
    summary = project.run(progress=False)
    assert "did not come whole" in summary.failed[0].error_message
    site.short = None
    assert run(project) == BUILT
    assert project["t"].y.tolist() == [6]


@pytest.mark.parametrize("status", [204, 206, 304])
def test_an_answer_of_another_status_is_no_result_and_is_not_kept(project, site, status):
    site.put("/x.csv", ROWS, ETag='"1"')
    site.status = status
    reading(project, f"{site.url}/x.csv")
    assert run(project)["s"] == "failed"
    site.status = 200
    assert run(project) == BUILT
    assert project["t"].y.tolist() == [6]


@pytest.mark.parametrize("name", ["ETag", "Last-Modified"])
def test_rows_of_another_version_than_was_looked_up_are_no_result(project, site, name):
    """Servers at the edge of a network may lag behind each other."""
    site.put("/x.csv", ROWS, **{name: "old"})
    site.got_headers = {name: "new"}
    reading(project, f"{site.url}/x.csv")
    summary = project.run(progress=False)
    assert "changed while it was read" in summary.failed[0].error_message
    site.got_headers = {}
    assert run(project) == BUILT


@pytest.mark.parametrize("how", ["changed", "cut", "gone", "told"])
def test_a_download_that_is_not_what_it_was_is_made_again(project, site, how):
    site.put("/x.csv", ROWS, ETag='"1"')
    reading(project, f"{site.url}/x.csv")
    run(project)
    [file] = (project.directory / "target/downloads").rglob("x.csv")
    if how == "gone":
        file.unlink()
    elif how == "told":
        (file.parent / ".told.json").write_text("[]")
    else:
        file.write_bytes(ROWS[:-4] if how == "cut" else ROWS.replace(b"4", b"9"))
    assert run(project, full=True) == BUILT
    assert project["t"].y.tolist() == [6]


def test_a_secret_in_a_name_is_not_the_name_of_a_file_here(project, site, monkeypatch):
    monkeypatch.setenv("TOKEN", "very-s3cret")
    site.put("/very-s3cret.csv", ROWS, ETag='"1"')
    reading(project, site.url + "/${TOKEN}.csv")
    assert run(project) == BUILT
    assert not [path for path in project.directory.rglob("*") if "very-s3cret" in path.name]


@pytest.mark.parametrize("which", [1, 2])
def test_rows_of_a_version_between_two_looks_are_no_result(project, site, which):
    """The look before the run and that behind it see one version, those around the download another one."""
    site.put("/x.csv", ROWS, ETag='"a"')
    looks = itertools.count(1)

    def turns(method: str) -> None:
        if method == "HEAD" and (number := next(looks)) in (which, which + 2):
            site.put("/x.csv", ROWS * (1 + number % 2), ETag=f'"{"ba"[number > which]}"')

    site.after = turns
    reading(project, f"{site.url}/x.csv")
    first = run(project)
    site.after = lambda _method: None
    site.put("/x.csv", ROWS, ETag='"a"')
    run(project)
    assert first == BUILT or first["s"] == "failed"
    assert project["t"].y.tolist() == [6]
