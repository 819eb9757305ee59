-- As sqlite_0003.sql has it.
CREATE TABLE checkpoint (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device TEXT NOT NULL,
    chain TEXT NOT NULL,           -- digest of the first entry
    number BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    digest TEXT NOT NULL,
    at TEXT NOT NULL,              -- by the device's clock
    body BYTEA NOT NULL,            -- JSON of relay.checkpoint.Sealed
    received_at TEXT NOT NULL,
    finding TEXT NOT NULL,         -- fork, backwards, new_chain; empty for none
    UNIQUE (device, chain, number, digest)
);
CREATE INDEX checkpoint_found ON checkpoint (device) WHERE finding <> '';
CREATE INDEX checkpoint_seq ON checkpoint (device, chain, seq);
