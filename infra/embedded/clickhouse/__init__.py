"""The embedded ClickHouse: the real engine (chDB) behind a small server of the ClickHouse native protocol.

It exists so that a laptop and the tests need nothing but packages, and so that `clickhouse-driver` stays the only code
path to ClickHouse. `python -m infra.embedded.clickhouse DIRECTORY --port N --users FILE` prints `listening PORT` when
it is ready, ends on SIGTERM or SIGINT after running statements have had ten seconds, and answers a wrong call, a
directory or a port in use with one line on standard error and exit status 2.

What it does
    Statements of the real engine; columnar and row inserts; `INSERT ... SELECT ... FROM input('...') FORMAT Native`;
    per-query settings; external tables; server-side parameters; progress; cancellation; LZ4 compression; errors with
    ClickHouse's own codes. Two users: `writer` may do anything, `reader` may only read tables, and none
    of a database that the users file hides from it (see `access`).
    Rows whose insert was acknowledged survive kill -9 of this process. They do not necessarily survive a power cut:
    parts are not synced to disk one by one. Inserts are refused before the disk is full (see `room`).

What it does not do
    - Loopback only: no TLS, no other interface, no HTTP, no replication, no cluster, no Keeper, no ON CLUSTER.
    - Users come from one file: no CREATE USER, ROLE, ROW POLICY or quota; the reader is held back by this package and
      the engine's readonly mode, not by grants. Nobody but the owner of the machine should be given an account.
    - No query_log and no part_log: a query id is accepted and forgotten. `async_insert=1` runs as an ordinary insert.
    - WITH TOTALS is refused, extremes are not sent. Types without a fixed layout (JSON, Dynamic, Variant, Object,
      AggregateFunction) can be stored and used in queries, and cannot cross the connection.
    - Sparse and other custom serializations and zstd on the connection are refused.
    - The rows of an insert are held in memory until all have come. Linux only.
    - One process per directory, 64 connections, 1 GiB per packet.
"""
