"""What can go wrong, and what to do about it.

    WardhouseError          one line for a person: what, where, and the way out
    ├── BadSetting          an option or a number that makes no sense
    ├── BadContract         a source table in the dbt project that cannot be read as a contract
    ├── SourceError         the source database cannot be reached, or is not what the contracts say
    ├── LakeError           the lake cannot be read or written, or holds another world
    ├── AlreadyRunning      another run holds the lake or the warehouse
    ├── WarehouseError      the warehouse file is old, foreign or in use, or dbt failed
    ├── ServiceError        a stand-in cannot start or has died, or a service cannot be reached
    └── GateFailed          data did not pass a gate; nothing was published

Only the command line prints them.
"""


class WardhouseError(Exception):
    """The base of all errors that are explained to the user in one line."""


class BadSetting(WardhouseError):
    """An option or a number that makes no sense."""


class BadContract(WardhouseError):
    """A source table in the dbt project that cannot be read as a contract."""


class SourceError(WardhouseError):
    """The source database cannot be reached, or is not what the contracts say."""


class LakeError(WardhouseError):
    """The lake cannot be read or written, or holds another world."""


class AlreadyRunning(WardhouseError):
    """Another run holds the lake or the warehouse."""


class WarehouseError(WardhouseError):
    """The warehouse file is old, foreign or in use, or dbt failed."""


class ServiceError(WardhouseError):
    """A stand-in cannot start or has died, or a service cannot be reached."""


class GateFailed(WardhouseError):
    """Data did not pass a gate; nothing was published."""
