"""ClickHouse's errors: their codes, and the HTTP status that its server answers each with."""

import re

_STATUS = {
    401: ("REQUIRED_PASSWORD",),
    403: ("ACCESS_DENIED", "AUTHENTICATION_FAILED", "SET_NON_GRANTED_ROLE", "UNKNOWN_USER", "WRONG_PASSWORD"),
    400: (
        "BAD_ARGUMENTS",
        "CANNOT_COMPILE_REGEXP",
        "CANNOT_PARSE_DATE",
        "CANNOT_PARSE_DATETIME",
        "CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING",
        "CANNOT_PARSE_ESCAPE_SEQUENCE",
        "CANNOT_PARSE_INPUT_ASSERTION_FAILED",
        "CANNOT_PARSE_IPV4",
        "CANNOT_PARSE_IPV6",
        "CANNOT_PARSE_NUMBER",
        "CANNOT_PARSE_QUOTED_STRING",
        "CANNOT_PARSE_TEXT",
        "CANNOT_PARSE_UUID",
        "DUPLICATE_COLUMN",
        "ILLEGAL_COLUMN",
        "INCORRECT_DATA",
        "SYNTAX_ERROR",
        "THERE_IS_NO_COLUMN",
        "TOO_BIG_AST",
        "TOO_DEEP_AST",
        "TYPE_MISMATCH",
        "UNEXPECTED_AST_STRUCTURE",
        "UNKNOWN_ELEMENT_IN_AST",
        "UNKNOWN_TYPE_OF_AST_NODE",
        "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE",
    ),
    404: (
        "UNKNOWN_AGGREGATE_FUNCTION",
        "UNKNOWN_DATABASE",
        "UNKNOWN_DATABASE_ENGINE",
        "UNKNOWN_DIRECTION_OF_SORTING",
        "UNKNOWN_FORMAT",
        "UNKNOWN_FUNCTION",
        "UNKNOWN_IDENTIFIER",
        "UNKNOWN_ROLE",
        "UNKNOWN_SETTING",
        "UNKNOWN_STORAGE",
        "UNKNOWN_TABLE",
        "UNKNOWN_TYPE",
        "UNKNOWN_TYPE_OF_QUERY",
    ),
    408: ("TIMEOUT_EXCEEDED",),
    411: ("HTTP_LENGTH_REQUIRED",),
    413: ("QUERY_IS_TOO_LARGE",),
    415: ("UNSUPPORTED_MEDIA_TYPE",),
    501: ("NOT_IMPLEMENTED",),
    503: ("CANNOT_OPEN_FILE", "CANNOT_SCHEDULE_TASK", "SOCKET_TIMEOUT"),
}
_STATUS_OF = {name: status for status, names in _STATUS.items() for name in names}

_MESSAGE = re.compile(r"Code: (\d+)\. (?:DB::Exception: )?")
_TAIL = re.compile(r"\(([A-Z][A-Z0-9_]+)\)(?: \(version [^()]*(?:\([^()]*\))?\))?\.?\s*$")


class Refused(Exception):
    """A request that ClickHouse answers with an error.

    >>> Refused(60, "UNKNOWN_TABLE", "There is no table t").status
    404
    """

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.name = name

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        return _STATUS_OF.get(self.name, 500)

    def text(self, version: str) -> str:
        """The body of the answer, as ClickHouse writes it."""
        return f"Code: {self.code}. DB::Exception: {self} ({self.name}) (version {version})\n"


def from_engine(error: Exception) -> Refused:
    """The error that the engine raised, whose text says the code, perhaps again and again, and the name.

    >>> str(from_engine(RuntimeError("Code: 60. DB::Exception: Code: 60. DB::Exception: No t. (UNKNOWN_TABLE)")))
    'No t.'
    """
    message = error.object.decode(errors="replace") if isinstance(error, UnicodeDecodeError) else str(error)
    name = "STD_EXCEPTION"
    while tail := _TAIL.search(message):
        name, message = tail[1], message[: tail.start()].rstrip()
    code = 1001
    while head := _MESSAGE.match(message):
        code, message = int(head[1]), message[head.end() :]
    return Refused(code, name, message)
