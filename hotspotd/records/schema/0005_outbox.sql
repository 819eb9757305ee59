-- Rows that belong to no encounter, ranks, deadlines, and how a sending stands. A copy, since SQLite cannot let a column
-- be NULL afterwards; the payload is last, so that nothing else is read past it.
CREATE TABLE outbox_with_ranks (
    tcn TEXT PRIMARY KEY,
    encounter_id TEXT REFERENCES encounter (id),  -- NULL: belongs to no encounter
    kind TEXT NOT NULL,           -- transaction, decision, statistics, log
    rank INTEGER NOT NULL,        -- 1 (most urgent) to 5
    lane TEXT NOT NULL,
    size INTEGER NOT NULL,        -- bytes of the payload when it came
    created_at TEXT NOT NULL,
    deadline TEXT,
    state TEXT NOT NULL,          -- queued, sending, received, answered, expired, quarantined
    attempts INTEGER NOT NULL DEFAULT 0,
    last_error TEXT NOT NULL DEFAULT '',
    failed_at TEXT,               -- when last_error was
    link TEXT NOT NULL DEFAULT '',
    receipt BLOB,
    received_at TEXT,
    payload BLOB NOT NULL
) STRICT;
INSERT INTO outbox_with_ranks (tcn, encounter_id, kind, rank, lane, size, created_at, state, attempts, last_error,
    failed_at, receipt, received_at, payload)
SELECT o.tcn, o.encounter_id, 'transaction', CASE WHEN e.released_at IS NULL THEN 1 ELSE 3 END, e.lane,
    length(o.payload), o.created_at, o.state, o.attempts, o.last_error, CASE WHEN o.last_error <> '' THEN o.created_at END,
    o.receipt, o.received_at, o.payload
FROM outbox o JOIN encounter e ON e.id = o.encounter_id ORDER BY o.rowid;
DROP TABLE outbox;
ALTER TABLE outbox_with_ranks RENAME TO outbox;
-- What waits, in its order, and enough of it to count it; what no longer waits, by state; failures, the latest last.
CREATE INDEX outbox_waiting ON outbox (rank, created_at, state, size) WHERE state IN ('queued', 'sending');
CREATE INDEX outbox_done ON outbox (state) WHERE state NOT IN ('queued', 'sending');
CREATE INDEX outbox_failed ON outbox (failed_at) WHERE last_error <> '';
