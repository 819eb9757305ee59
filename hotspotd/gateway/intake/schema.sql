-- National repositories as their owners left them, and the deltas that made them so.
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE repository (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    sequence INTEGER NOT NULL DEFAULT 0,   -- the last delta that was taken
    digest TEXT NOT NULL,
    count INTEGER NOT NULL DEFAULT 0
) STRICT;
-- Who said what, for ever; of the records only what their numbers and hashes are. Without receipt: not whole yet.
CREATE TABLE delta (
    repository INTEGER NOT NULL REFERENCES repository (id),
    sequence INTEGER NOT NULL,
    digest TEXT NOT NULL,
    signed BLOB NOT NULL,                  -- statement and signature, as they came
    certificate BLOB NOT NULL,             -- DER: whose signature it is
    device TEXT NOT NULL,
    receipt BLOB,
    PRIMARY KEY (repository, sequence)
) STRICT;
-- Chunks of deltas that are not whole yet. They go when the delta is taken.
CREATE TABLE chunk (
    repository INTEGER NOT NULL REFERENCES repository (id),
    number INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (repository, number)
) STRICT;
CREATE TABLE record (
    id INTEGER PRIMARY KEY,
    repository INTEGER NOT NULL REFERENCES repository (id),
    kind TEXT NOT NULL,
    issuer TEXT NOT NULL,
    number TEXT NOT NULL,                  -- letters and digits only
    reference TEXT NOT NULL,
    row_id TEXT NOT NULL,                  -- the submitter's keyed hash, by which it withdraws the record
    body BLOB NOT NULL,                    -- the record, JSON
    listed TEXT NOT NULL,                  -- day since when it is here
    ends TEXT NOT NULL,                    -- last day on which it counts
    first_sequence INTEGER NOT NULL,       -- the delta that brought it
    sequence INTEGER NOT NULL,             -- the last delta that named it
    UNIQUE (repository, kind, issuer, number, reference)
) STRICT;
CREATE UNIQUE INDEX record_row_id ON record (repository, row_id);
CREATE INDEX record_ends ON record (ends);
CREATE INDEX record_reference ON record (reference);
