"""The gateway: clients speak to it as to Redshift, it speaks to PostgreSQL for them, a session each.

Messages pass as they are, but for three: SQL is translated, COPY is fed from S3, and the start of a session is checked.
"""

import asyncio
import hashlib
import hmac
import os
import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from loaders.local.redshift import loading, wire
from loaders.local.redshift.expressions import Refused
from loaders.local.redshift.loading import Column, Copy, LoadFailed
from loaders.local.redshift.postgres import USER
from loaders.local.redshift.translate import LONG, refusal, translated

CHUNK = 1 << 18
_KEPT = ("user", "database", "application_name", "options", "client_encoding")
_COPY_IN, _ERROR, _READY, _ROW, _SETTING = b"GEZDS"


@dataclass
class Load:
    """A COPY that a client prepared: the statement, and the columns as they were then."""

    copy: Copy
    columns: list[Column]


@dataclass
class Session:
    """A client's session and what is known of it: answers still to come, its transaction, its loads, their outcome."""

    client_in: asyncio.StreamReader
    client_out: asyncio.StreamWriter
    server_in: asyncio.StreamReader
    server_out: asyncio.StreamWriter
    unanswered: int = 1
    status: int = b"I"[0]
    failed: bool = False
    loads: dict[str, Load] = field(default_factory=dict)
    portals: dict[str, Load] = field(default_factory=dict)
    load: str = ""
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    own_error: bytes = b""
    asked: list[bytes] | None = None
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Pass messages both ways until either side ends."""
        ways = [asyncio.create_task(self._to_server()), asyncio.create_task(self._to_client())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            for outcome in await asyncio.gather(*ways, return_exceptions=True):
                if isinstance(outcome, Exception) and not isinstance(outcome, _ENDS):
                    raise outcome

    # --- to the server

    async def _to_server(self) -> None:
        while True:
            kind, body = await wire.read_message(self.client_in)
            if kind == b"Q":
                await self._query(body)
                continue
            if kind == b"P":
                body = await self._prepared(body)
            elif kind == b"B":
                portal, rest = wire.cut(body)
                name, _ = wire.cut(rest)
                self.portals.pop(portal, None)
                if name in self.loads:
                    self.portals[portal] = self.loads[name]
            elif kind == b"E" and (load := self.portals.get(wire.cut(body)[0])):
                await self._load(load, wire.message(kind, body))
                continue
            elif kind == b"S":
                self.unanswered += 1
            self.server_out.write(wire.message(kind, body))
            await self.server_out.drain()
            if kind == b"X":
                return

    async def _query(self, body: bytes) -> None:
        sql, _ = wire.cut(body)
        made, load = await self._translated(sql)
        self.unanswered += 1
        message = wire.message(b"Q", wire.text(made))
        if load:
            await self._load(load, message)
        else:
            self.server_out.write(message)
            await self.server_out.drain()

    async def _prepared(self, body: bytes) -> bytes:
        name, rest = wire.cut(body)
        sql, types = wire.cut(rest)
        made, load = await self._translated(sql)
        self.loads.pop(name, None)
        if load:
            self.loads[name] = load
        return wire.text(name) + wire.text(made) + types

    async def _translated(self, sql: str) -> tuple[str, Load | None]:
        try:
            copy = loading.copy_statement(sql)
        except Refused as error:
            return refusal(str(error)), None
        if copy:
            if self.status == b"E"[0]:
                return loading.into_postgres(copy, []), None
            if self.unanswered:
                return refusal("COPY before earlier statements are answered is not in this stand-in"), None
            columns = loading.columns_of(copy, await self._ask(loading.columns_question(copy)))
            return loading.into_postgres(copy, columns), Load(copy, columns)
        if len(sql) > LONG:
            return await asyncio.to_thread(translated, sql), None
        return translated(sql), None

    async def _ask(self, sql: str) -> list[list[str | None]]:
        """The rows of a question of the gateway's own, in the client's session."""
        self.asked = []
        self.answered.clear()
        self.unanswered += 1
        self.server_out.write(wire.message(b"Q", wire.text(sql)))
        await self.server_out.drain()
        await self.answered.wait()
        rows, self.asked = self.asked, None
        return [wire.row(row) for row in rows]

    async def _load(self, load: Load, message: bytes) -> None:
        """Run a COPY: once PostgreSQL waits for rows, read them from S3 and pass them on."""
        self.load = "" if self.failed else _ASKED
        self.moved.clear()
        self.server_out.write(message)
        await self.server_out.drain()
        if self.load == _ASKED:
            await self.moved.wait()
        if self.load != _BEGUN:
            return
        rows = loading.rows(load.copy, load.columns)
        try:
            while self.load == _BEGUN and (chunk := await asyncio.to_thread(_next, rows)) is not None:
                self.server_out.write(wire.message(b"d", chunk))
                await self.server_out.drain()
        except LoadFailed as error:
            if self.load == _BEGUN:
                self.own_error = wire.error(error.code, str(error))
                self.server_out.write(wire.message(b"f", wire.text("")))
        else:
            if self.load == _BEGUN:
                self.server_out.write(wire.message(b"c"))
        self.load = ""
        await self.server_out.drain()

    # --- to the client

    async def _to_client(self) -> None:
        kept = b""
        while data := await self.server_in.read(CHUNK):
            kept = kept + data if kept else data
            found = wire.whole_messages(kept)
            out = self._seen(kept, found)
            kept = kept[found[-1][1] :] if found else kept
            if out:
                self.client_out.write(out)
                await self.client_out.drain()

    def _seen(self, data: bytes, found: list[tuple[int, int]]) -> bytes:
        """What of some whole messages goes to the client; notes what they say."""
        pieces: list[bytes] = []
        start = done = 0
        for kind, end in found:
            if self.asked is not None:
                if kind == _ROW:
                    self.asked.append(data[start + 5 : end])
                pieces.append(data[done:start])
                done = end
            elif kind == _COPY_IN and self.load == _ASKED:
                pieces.append(data[done:start])
                done = end
                self.load = _BEGUN
                self.moved.set()
            elif kind == _ERROR:
                pieces += [data[done:start], self.own_error or wire.without_place(data[start:end])]
                done, self.own_error = end, b""
                self.failed, self.load = True, ""
                self.moved.set()
            elif kind == _SETTING and self.asked is None:
                pieces += [data[done:start], wire.setting_of_redshift(data[start:end])]
                done = end
            if kind == _READY:
                self.status = data[end - 1]
                self.failed = False
                self.unanswered -= 1
                if self.asked is not None:
                    self.answered.set()
            start = end
        pieces.append(data[done:start])
        return b"".join(pieces)


# where a COPY stands: PostgreSQL was asked, or waits for its rows
_ASKED, _BEGUN = "asked", "begun"


def _next(rows: Iterator[bytes]) -> bytes | None:
    return next(rows, None)


_ENDS = (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError, TimeoutError)


@dataclass(frozen=True, eq=False)
class Gateway:
    """Where PostgreSQL's socket is, the password that clients must say, and the certificate that they are shown."""

    socket: str
    password: str
    certificate: ssl.SSLContext | None
    connections: set["asyncio.Task[None]"] = field(default_factory=set)

    def end(self) -> None:
        """End all connections."""
        for connection in self.connections:
            connection.cancel()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its first byte to its last."""
        connection = asyncio.current_task()
        assert connection
        self.connections.add(connection)
        try:
            await self._answer(reader, writer)
        except (*_ENDS, ValueError, asyncio.CancelledError):
            pass
        finally:
            self.connections.discard(connection)
            writer.close()
            with suppress(*_ENDS, asyncio.CancelledError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        code, body = await wire.read_startup(reader)
        while code in (wire.SSL_REQUEST, wire.GSS_REQUEST):
            is_secure = code == wire.SSL_REQUEST and self.certificate is not None
            writer.write(b"S" if is_secure else b"N")
            await writer.drain()
            if is_secure and self.certificate:
                await writer.start_tls(self.certificate)
            code, body = await wire.read_startup(reader)
        if code == wire.CANCEL_REQUEST:
            await self._cancel(body)
            return
        if code >> 16 != wire.PROTOCOL >> 16:
            writer.write(wire.error("08P01", "the protocol has another version", "FATAL"))
            return
        asked = wire.parameters(body)
        user = asked.get("user", "")
        if not await self._is_let_in(user, reader, writer):
            writer.write(wire.error("28P01", f'password authentication failed for user "{user}"', "FATAL"))
            await writer.drain()
            return
        server_in, server_out = await asyncio.open_unix_connection(self.socket, limit=CHUNK)
        try:
            kept = {name: asked[name] for name in _KEPT if name in asked}
            server_out.write(wire.startup(wire.PROTOCOL, wire.parameters_body(kept)))
            await server_out.drain()
            await Session(reader, writer, server_in, server_out).run()
        finally:
            server_out.close()

    async def _is_let_in(self, user: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if not self.password:
            return user == USER
        salt = os.urandom(4)
        writer.write(wire.message(b"R", (5).to_bytes(4, "big") + salt))
        await writer.drain()
        kind, body = await wire.read_message(reader)
        inner = hashlib.md5((self.password + user).encode(), usedforsecurity=False).hexdigest()
        wanted = b"md5" + hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest().encode()
        return kind == b"p" and hmac.compare_digest(body.rstrip(b"\0"), wanted) and user == USER

    async def _cancel(self, body: bytes) -> None:
        _, server_out = await asyncio.open_unix_connection(self.socket)
        server_out.write(wire.startup(wire.CANCEL_REQUEST, body))
        await server_out.drain()
        server_out.close()
