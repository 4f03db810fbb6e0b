"""Raw objects as they are written: plain, or packed where the world says so."""

import pyarrow as pa

from loaders.world.config import World

Object = tuple[str, bytes]

_CODEC = pa.Codec("zstd", compression_level=1)


def whole_object(world: World, key: str, data: bytes) -> Object:
    """An object's key and bytes; a packed one's key ends with .zst."""
    return (f"{key}.zst", packed(data)) if world.packed else (key, data)


def packed(data: bytes | memoryview) -> bytes:
    """Zstandard, at a level that costs less than the write."""
    return _CODEC.compress(data, asbytes=True)
