"""A warehouse that is a server: the one that the environment names, or else a stand-in for as long as it is needed."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from loaders.errors import BadSetting
from loaders.lake import Lake
from loaders.local.start import running
from loaders.staging.manifest import MANIFEST_KEY, read_manifest
from loaders.targets import NAMES, Target, Warehouse, clickhouse_warehouse, is_configured, redshift_warehouse
from loaders.warehouse import published

BUCKET = "wardhouse"


@contextmanager
def server(target: Target, lake: Lake, say: Callable[[str], Any]) -> Iterator[tuple[Warehouse, str]]:
    """A reachable warehouse, and where it finds the lake.

    Raises ServiceError where it cannot be reached, BadSetting where it could not read the lake.
    """
    at = clickhouse_warehouse if target is Target.clickhouse else redshift_warehouse
    reads_folders = target is Target.clickhouse
    place = str(lake)
    if is_configured(target):
        if not (reads_folders or place.startswith("s3://")):
            raise BadSetting(f"{NAMES[target]} reads from S3 only: give --lake s3://bucket/prefix instead of {place}")
        warehouse = at()
        warehouse.rows("select 1")
        yield warehouse, place
        return
    with ExitStack() as stack:
        settings: dict[str, str] = {}
        if not (reads_folders or place.startswith("s3://")):
            settings = _s3_settings(stack.enter_context(running("s3")))
            place = _mirrored(lake, settings)
        port = stack.enter_context(running(target.value, published(lake).parent / target.value, settings))
        say(f"no {NAMES[target]} is configured: using the stand-in at 127.0.0.1:{port}")
        start = f"WARDHOUSE_{target.upper()}_"
        warehouse = at({f"{start}HOST": "127.0.0.1", f"{start}PORT": str(port), f"{start}SSLMODE": "disable"})
        warehouse.rows("select 1")
        yield warehouse, place


def _s3_settings(port: int) -> dict[str, str]:
    """What an AWS client reads to speak to the S3 stand-in."""
    return {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def _mirrored(lake: Lake, settings: dict[str, str]) -> str:
    """Put what is staged where COPY can read it."""
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=settings["AWS_ENDPOINT_URL_S3"],
        aws_access_key_id=settings["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=settings["AWS_SECRET_ACCESS_KEY"],
        region_name=settings["AWS_DEFAULT_REGION"],
    )
    data = [part.data.key for parts in read_manifest(lake).values() for part in parts.values() if part.data]
    for key in [*data, MANIFEST_KEY]:
        client.put_object(Bucket=BUCKET, Key=key, Body=lake.read(key))
    client.close()
    return f"s3://{BUCKET}"
