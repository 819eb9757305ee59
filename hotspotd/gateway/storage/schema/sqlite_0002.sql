ALTER TABLE inbox ADD COLUMN lane TEXT NOT NULL DEFAULT '';
ALTER TABLE inbox ADD COLUMN signed_at TEXT NOT NULL DEFAULT '';
-- The way it came; its replies go back that way where they are sent and not fetched.
ALTER TABLE inbox ADD COLUMN door TEXT NOT NULL DEFAULT 'https';
-- Type-1 of the request, as JSON, where it had hits: a bureau's decision is answered when the body is long gone.
ALTER TABLE inbox ADD COLUMN header BLOB NOT NULL DEFAULT x'';
-- A transaction may be answered several times: each hit that a bureau decides is a reply more.
CREATE TABLE reply_of (
    device TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    inbox_id INTEGER NOT NULL REFERENCES inbox (id),
    tcr TEXT NOT NULL,
    body BLOB NOT NULL,
    acknowledged INTEGER NOT NULL DEFAULT 0,
    pushed INTEGER NOT NULL DEFAULT 0, -- given to the door that the transaction came through
    PRIMARY KEY (device, sequence)
) STRICT;
INSERT INTO reply_of (device, sequence, inbox_id, tcr, body, acknowledged) SELECT device, sequence, inbox_id, tcr, body, acknowledged FROM reply;
DROP TABLE reply;
ALTER TABLE reply_of RENAME TO reply;
CREATE INDEX reply_inbox ON reply (inbox_id);
CREATE INDEX reply_waiting ON reply (device, sequence) WHERE acknowledged = 0;
CREATE TABLE nonce (
    device TEXT NOT NULL,
    nonce TEXT NOT NULL,
    expires REAL NOT NULL,         -- seconds since 1970
    PRIMARY KEY (device, nonce)
) STRICT, WITHOUT ROWID;
CREATE INDEX nonce_expires ON nonce (expires);
CREATE TABLE report (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    device TEXT NOT NULL,
    tcn TEXT NOT NULL,
    kind TEXT NOT NULL,
    lane TEXT NOT NULL,
    about TEXT NOT NULL,           -- of a decision: the control number of the transaction it is about
    sha256 TEXT NOT NULL,
    body BLOB NOT NULL,
    receipt BLOB NOT NULL,
    signed_at TEXT NOT NULL,
    received_at TEXT NOT NULL,
    deliveries INTEGER NOT NULL DEFAULT 1,
    UNIQUE (device, tcn)
) STRICT;
CREATE INDEX report_about ON report (device, about) WHERE about <> '';
CREATE INDEX report_received ON report (received_at);
CREATE TABLE hit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    inbox_id INTEGER NOT NULL REFERENCES inbox (id),
    device TEXT NOT NULL,
    tcn TEXT NOT NULL,
    lane TEXT NOT NULL,
    reference TEXT NOT NULL,
    owner TEXT NOT NULL,
    notice TEXT NOT NULL,
    urgency INTEGER NOT NULL,      -- 1 (first) to 4, of the notice
    hit BLOB NOT NULL,             -- JSON of the domain's Hit
    found_at TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    escalated INTEGER NOT NULL DEFAULT 0,
    border_decision TEXT NOT NULL DEFAULT '',
    border_role TEXT NOT NULL DEFAULT '',
    border_at TEXT NOT NULL DEFAULT '',
    decided_by TEXT NOT NULL DEFAULT '',
    decided_at TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    UNIQUE (inbox_id, owner, reference)
) STRICT;
CREATE INDEX hit_waiting ON hit (escalated DESC, urgency, id) WHERE state = 'waiting';
CREATE INDEX hit_of ON hit (device, tcn);
CREATE TABLE refusal (
    device TEXT NOT NULL,
    reason TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (device, reason)
) STRICT, WITHOUT ROWID;
CREATE TABLE find (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    device TEXT NOT NULL,
    purpose TEXT NOT NULL,
    asked TEXT NOT NULL,           -- what kinds of thing were asked for, never which
    candidates INTEGER NOT NULL,
    at TEXT NOT NULL
) STRICT;
CREATE INDEX find_at ON find (at);
