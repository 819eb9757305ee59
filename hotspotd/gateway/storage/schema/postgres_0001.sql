-- As sqlite_0001.sql and sqlite_0002.sql together have it.
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
-- Erased bodies leave dead rows behind: they are cleared away soon, not when a fifth of the table is dead.
CREATE TABLE inbox (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device TEXT NOT NULL,          -- common name of the certificate it came under
    tcn TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    priority BIGINT NOT NULL,
    body BYTEA NOT NULL,            -- empty once it is not needed: portraits and prints are kept no longer
    receipt BYTEA NOT NULL,
    deliveries BIGINT NOT NULL DEFAULT 1,
    runs BIGINT NOT NULL DEFAULT 0,     -- searches begun
    processed BIGINT NOT NULL DEFAULT 0,
    processed_at TEXT,
    lane TEXT NOT NULL,
    signed_at TEXT NOT NULL,
    door TEXT NOT NULL,            -- the way it came
    -- Type-1 of the request, as JSON, where it had hits: a bureau's decision is answered when the body is long gone.
    header BYTEA NOT NULL DEFAULT '',
    UNIQUE (device, tcn)
) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200,
    toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 200
);
CREATE INDEX inbox_waiting ON inbox (priority, id) WHERE processed = 0;
-- A transaction may be answered several times: each hit that a bureau decides is a reply more.
CREATE TABLE reply (
    device TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    inbox_id BIGINT NOT NULL REFERENCES inbox (id),
    tcr TEXT NOT NULL,
    body BYTEA NOT NULL,
    acknowledged BIGINT NOT NULL DEFAULT 0,
    pushed BIGINT NOT NULL DEFAULT 0, -- given to the door that the transaction came through
    PRIMARY KEY (device, sequence)
);
CREATE INDEX reply_inbox ON reply (inbox_id);
CREATE INDEX reply_waiting ON reply (device, sequence) WHERE acknowledged = 0;
CREATE TABLE nonce (
    device TEXT NOT NULL,
    nonce TEXT NOT NULL,
    expires DOUBLE PRECISION NOT NULL,         -- seconds since 1970
    PRIMARY KEY (device, nonce)
);
CREATE INDEX nonce_expires ON nonce (expires);
CREATE TABLE report (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device TEXT NOT NULL,
    tcn TEXT NOT NULL,
    kind TEXT NOT NULL,
    lane TEXT NOT NULL,
    about TEXT NOT NULL,           -- of a decision: the control number of the transaction it is about
    sha256 TEXT NOT NULL,
    body BYTEA NOT NULL,
    receipt BYTEA NOT NULL,
    signed_at TEXT NOT NULL,
    received_at TEXT NOT NULL,
    deliveries BIGINT NOT NULL DEFAULT 1,
    UNIQUE (device, tcn)
);
CREATE INDEX report_about ON report (device, about) WHERE about <> '';
CREATE INDEX report_received ON report (received_at);
CREATE TABLE hit (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    inbox_id BIGINT NOT NULL REFERENCES inbox (id),
    device TEXT NOT NULL,
    tcn TEXT NOT NULL,
    lane TEXT NOT NULL,
    reference TEXT NOT NULL,
    owner TEXT NOT NULL,
    notice TEXT NOT NULL,
    urgency BIGINT NOT NULL,      -- 1 (first) to 4, of the notice
    hit BYTEA NOT NULL,             -- JSON of the domain's Hit
    found_at TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    escalated BIGINT NOT NULL DEFAULT 0,
    border_decision TEXT NOT NULL DEFAULT '',
    border_role TEXT NOT NULL DEFAULT '',
    border_at TEXT NOT NULL DEFAULT '',
    decided_by TEXT NOT NULL DEFAULT '',
    decided_at TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    UNIQUE (inbox_id, owner, reference)
);
CREATE INDEX hit_waiting ON hit (escalated DESC, urgency, id) WHERE state = 'waiting';
CREATE INDEX hit_of ON hit (device, tcn);
CREATE TABLE refusal (
    device TEXT NOT NULL,
    reason TEXT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (device, reason)
);
CREATE TABLE find (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device TEXT NOT NULL,
    purpose TEXT NOT NULL,
    asked TEXT NOT NULL,           -- what kinds of thing were asked for, never which
    candidates BIGINT NOT NULL,
    at TEXT NOT NULL
);
CREATE INDEX find_at ON find (at);
