"""The lake: in a folder, or in a bucket of S3 or of anything that speaks like it."""

from loaders.lake.base import SACRED, Lake
from loaders.lake.explained import explained

__all__ = ["SACRED", "Lake", "explained"]
