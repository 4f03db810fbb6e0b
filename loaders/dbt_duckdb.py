"""dbt-duckdb's plugin in profiles.yml: its connections read a lake in a bucket as every other step does."""

from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin

from loaders.duck import open_s3


class Plugin(BasePlugin):  # type: ignore[misc]
    """Loads httpfs and hands it the AWS chain's credentials, where the lake is on S3."""

    lake: str

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Takes the lake's place from the profile."""
        self.lake = plugin_config["lake"]

    def configure_connection(self, conn: Any) -> None:
        """Called by dbt-duckdb for each new connection."""
        if self.lake.startswith("s3://"):
            open_s3(conn)
