"""An object store for the session, and a bucket of it for a test."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

_COUNT = itertools.count()


@dataclass
class Bucket:
    """One bucket, and what happens to it.

    Attributes:
        url: As ``outputs=`` takes it.
    """

    name: str
    client: Any

    @property
    def url(self) -> str:
        return f"s3://{self.name}/builds"

    def held(self) -> list[str]:
        """The names of all objects."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return sorted(one["Key"] for page in pages for one in page.get("Contents", ()))

    def change(self, name: str, how: Any, *, within: str = "") -> None:
        """Write the objects whose name ends so anew, as ``how`` makes them from what they are; None takes them away."""
        found = [one for one in self.held() if one.endswith(name) and within in one]
        assert found, name
        for one in found:
            body = how(self.client.get_object(Bucket=self.name, Key=one)["Body"].read())
            if body is None:
                self.client.delete_object(Bucket=self.name, Key=one)
            else:
                self.client.put_object(Bucket=self.name, Key=one, Body=body)


@pytest.fixture(scope="session")
def s3() -> Iterator[Any]:
    """A server of moto's on the loopback; gives boto3's client."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    own = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    yield boto3.client("s3", endpoint_url=f"http://{host}:{port}", **own)
    server.stop()


@pytest.fixture
def bucket(s3: Any, monkeypatch) -> Iterator[Bucket]:
    """An empty bucket; where it is stands in the environment, as boto's users write it."""
    found = Bucket(f"bucket-{os.getpid()}-{next(_COUNT)}", s3)
    s3.create_bucket(Bucket=found.name)
    for name, value in (
        ("AWS_ENDPOINT_URL", s3.meta.endpoint_url), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_DEFAULT_REGION", "us-east-1"), ("AWS_MAX_ATTEMPTS", "1"),
    ):
        monkeypatch.setenv(name, value)
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    yield found
    s3fs.S3FileSystem.clear_instance_cache()
