-- How far devices' audit chains are, as they have sealed it. What a device's later checkpoints contradict is a finding.
CREATE TABLE checkpoint (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    device TEXT NOT NULL,
    chain TEXT NOT NULL,           -- digest of the first entry
    number INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    digest TEXT NOT NULL,
    at TEXT NOT NULL,              -- by the device's clock
    body BLOB NOT NULL,            -- JSON of relay.checkpoint.Sealed
    received_at TEXT NOT NULL,
    finding TEXT NOT NULL,         -- fork, backwards, new_chain; empty for none
    UNIQUE (device, chain, number, digest)
) STRICT;
CREATE INDEX checkpoint_found ON checkpoint (device) WHERE finding <> '';
CREATE INDEX checkpoint_seq ON checkpoint (device, chain, seq);
