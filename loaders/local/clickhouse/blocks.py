"""ClickHouse's own compression: `compress=1` and `decompress=1`, which JDBC drivers ask for.

A block is a checksum of 16 bytes over all that follows, a byte for the method, the size of the block from there on and
the size unpacked, each of 4 bytes, and the data. The checksum is CityHash128 as of its release 1.0.2. It is computed
here in Python, at some 25 MB/s of packed data: enough for what a BI tool reads.
"""

from collections.abc import Iterator
from struct import Struct, unpack_from

from loaders.local.clickhouse.errors import Refused

BLOCK_BYTES = 1 << 20

_HEAD = Struct("<BII")
_NONE, _LZ4, _ZSTD = 0x02, 0x82, 0x90
_SUM = Struct("<QQ")

_ALL = (1 << 64) - 1
_K0, _K1, _K2, _K3 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F, 0xC949D7C7509E6557
_MUL = 0x9DDFEA08EB382D69


def pack(data: bytes) -> bytes:
    """Data as blocks."""
    import lz4.block

    parts = []
    for start in range(0, len(data), BLOCK_BYTES):
        piece = data[start : start + BLOCK_BYTES]
        packed = lz4.block.compress(piece, store_size=False)
        block = _HEAD.pack(_LZ4, _HEAD.size + len(packed), len(piece)) + packed
        parts += [_SUM.pack(*checksum(block)), block]
    return b"".join(parts)


def unpack(data: bytes) -> bytes:
    """The data in blocks. Raises Refused for blocks that are damaged or of another method than LZ4, ZSTD or none."""
    return b"".join(_unpacked(data))


def _unpacked(data: bytes) -> Iterator[bytes]:
    import lz4.block
    import zstandard

    at = 0
    while at < len(data):
        start = at + _SUM.size
        if start + _HEAD.size > len(data):
            raise Refused(33, "CANNOT_READ_ALL_DATA", "The body ends in the middle of a block")
        method, size, whole = _HEAD.unpack_from(data, start)
        block = data[start : start + size]
        if size < _HEAD.size or len(block) < size or whole > 1 << 30:
            raise Refused(
                33, "CANNOT_READ_ALL_DATA", "The body ends in the middle of a block, or a block's size is wrong"
            )
        if _SUM.unpack_from(data, at) != checksum(block):
            raise Refused(40, "CHECKSUM_DOESNT_MATCH", "Checksum doesn't match: corrupted data")
        packed = block[_HEAD.size :]
        try:
            if method == _LZ4:
                yield lz4.block.decompress(packed, uncompressed_size=whole)
            elif method == _ZSTD:
                yield zstandard.ZstdDecompressor().decompress(packed, max_output_size=whole)
            elif method == _NONE:
                yield packed
            else:
                raise Refused(432, "UNKNOWN_CODEC", f"Unknown codec family code: {method}")
        except (lz4.block.LZ4BlockError, zstandard.ZstdError) as error:
            raise Refused(271, "CANNOT_DECOMPRESS", f"Cannot decompress: {error}") from None
        at = start + size


def checksum(data: bytes) -> tuple[int, int]:
    """CityHash128 of at least eight bytes: the lower and the higher half."""
    size = len(data)
    if size < 16:
        return _short(b"", _word(data, 0) ^ (size * _K0 & _ALL), _word(data, size - 8) ^ _K1)
    seed = _word(data, 0) ^ _K3, _word(data, 8)
    return _long(data[16:], *seed) if size >= 144 else _short(data[16:], *seed)


def _short(data: bytes, a: int, b: int) -> tuple[int, int]:
    size = len(data)
    if size <= 16:
        a = _mixed(a * _K1 & _ALL) * _K1 & _ALL
        c = (b * _K1 + _tiny(data)) & _ALL
        d = _mixed((a + (_word(data, 0) if size >= 8 else c)) & _ALL)
    else:
        c = _pair((_word(data, size - 8) + _K1) & _ALL, a)
        d = _pair((b + size) & _ALL, (c + _word(data, size - 16)) & _ALL)
        a = (a + d) & _ALL
        for at in range(0, size - 16, 16):
            a = ((a ^ _mixed(_word(data, at) * _K1 & _ALL) * _K1) * _K1) & _ALL
            b ^= a
            c = ((c ^ _mixed(_word(data, at + 8) * _K1 & _ALL) * _K1) * _K1) & _ALL
            d ^= c
    a, b = _pair(a, c), _pair(d, b)
    return a ^ b, _pair(b, a)


def _long(data: bytes, x: int, y: int) -> tuple[int, int]:
    size = len(data)
    z = size * _K1 & _ALL
    v = (_turn(y ^ _K1, 49) * _K1 + _word(data, 0)) & _ALL
    u = (_turn(v, 42) * _K1 + _word(data, 8)) & _ALL
    w = (_turn((y + z) & _ALL, 35) * _K1 + x) & _ALL
    t = _turn((x + _word(data, 88)) & _ALL, 53) * _K1 & _ALL
    done = size // 128 * 128
    for at in range(0, done, 64):
        words = unpack_from("<8Q", data, at)
        x = _turn((x + y + v + words[2]) & _ALL, 37) * _K1 & _ALL ^ t
        y = _turn((y + u + words[6]) & _ALL, 42) * _K1 & _ALL ^ v
        z = _turn(z ^ w, 33)
        v, u = _weak(words[0], words[1], words[2], words[3], u * _K1, x + w)
        w, t = _weak(words[4], words[5], words[6], words[7], z + t, y)
        z, x = x, z
    y = (y + _turn(w, 37) * _K0 + z) & _ALL
    x = (x + _turn((v + z) & _ALL, 49) * _K0) & _ALL
    for back in range(32, size - done + 32, 32):
        one, two, three, four = unpack_from("<4Q", data, size - back)
        y = (_turn((y - x) & _ALL, 42) * _K0 + u) & _ALL
        w = (w + three) & _ALL
        x = (_turn(x, 49) * _K0 + w) & _ALL
        w = (w + v) & _ALL
        v, u = _weak(one, two, three, four, v, u)
    x, y = _pair(x, v), _pair(y, w)
    return (_pair((x + u) & _ALL, t) + y) & _ALL, _pair((x + t) & _ALL, (y + u) & _ALL)


def _tiny(data: bytes) -> int:
    size = len(data)
    if size > 8:
        last = _word(data, size - 8)
        return _pair(_word(data, 0), _turn((last + size) & _ALL, size)) ^ last
    if size >= 4:
        first, last = unpack_from("<I", data)[0], unpack_from("<I", data, size - 4)[0]
        return _pair(size + (first << 3), last)
    if size:
        low = data[0] + (data[size >> 1] << 8)
        high = size + (data[-1] << 2)
        return _mixed((low * _K2 ^ high * _K3) & _ALL) * _K2 & _ALL
    return _K2


def _weak(one: int, two: int, three: int, four: int, a: int, b: int) -> tuple[int, int]:
    a += one
    b = _turn((b + a + four) & _ALL, 21)
    c = a
    a = (a + two + three) & _ALL
    return (a + four) & _ALL, (b + _turn(a, 44) + c) & _ALL


def _pair(low: int, high: int) -> int:
    a = _mixed((low ^ high) * _MUL & _ALL)
    return _mixed((high ^ a) * _MUL & _ALL) * _MUL & _ALL


def _mixed(value: int) -> int:
    return value ^ value >> 47


def _turn(value: int, by: int) -> int:
    return (value >> by | value << 64 - by) & _ALL


def _word(data: bytes, at: int) -> int:
    return int(unpack_from("<Q", data, at)[0])
