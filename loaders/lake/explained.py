"""What the file system says, as one line for a person."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from loaders.errors import LakeError


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turns an error of the file system into one line that says what could not be done, why, and what to do."""
    try:
        yield
    except OSError as error:
        raise _explained(error, what) from None


def _explained(error: OSError, what: str) -> LakeError:
    ways_out = {
        errno.ENOSPC: "the disk is full; free some space and run again",
        errno.EDQUOT: "the disk quota is used up; free some space and run again",
        errno.EACCES: "permission denied; choose another --lake or change its permissions",
        errno.EPERM: "not permitted; choose another --lake or change its permissions",
        errno.EROFS: "the file system is read-only; choose another --lake",
        errno.ENOTDIR: "a part of the path is a file, not a folder; choose another --lake",
        errno.EEXIST: "a part of the path is a file, not a folder; choose another --lake",
        errno.ENOENT: "there is no such file",
    }
    return LakeError(f"{what}: {ways_out.get(error.errno or 0, error.strerror or str(error))}")
