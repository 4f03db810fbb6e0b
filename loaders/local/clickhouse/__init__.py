"""A stand-in for a ClickHouse server: the real engine, out of the chdb package, behind ClickHouse's HTTP interface.

It is for building and reading a warehouse on one machine: dbt-clickhouse, clickhouse-connect, SQLAlchemy, curl and BI
tools that speak HTTP work with it as they are. Databases are kept in a folder, one process at a time. Every request has
a connection of its own to the engine, so requests run beside each other, and settings, database, parameters and
external data are a request's own; with `session_id`, SET, USE and temporary tables last for the session. It listens on
127.0.0.1 only, and knows one user, `default`. S3 is read with the AWS keys in this process's environment.

What it has not: a cluster or replication, further users, roles and quotas, the native protocol (port 9000; so also
Native over HTTP for a client that insists on a newer protocol version, as clickhouse-go does), TLS, system logs such as
system.query_log, progress in headers, INSERT … SELECT FROM input(), and query ids in the engine: the id of a request is
only echoed. A body is held in memory, and so is a result, unless its format can be cut between rows (Native, RowBinary,
TSV, CSV, JSONEachRow, JSONCompactEachRow). In a session, `readonly` goes by the statement alone, and parameters stay
set. The database `default` is of the embedded engine's Overlay kind, all others are Atomic; EXCHANGE works in both.
"""

from loaders.local.clickhouse.server import serve

__all__ = ["serve"]
