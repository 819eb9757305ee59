-- Encounters are written before anything is searched; results are added when they come.
CREATE TABLE encounter (
    id TEXT PRIMARY KEY,
    tcn TEXT NOT NULL UNIQUE,
    lane TEXT NOT NULL,
    operation TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    clock_trusted INTEGER NOT NULL,
    document BLOB,                -- JSON of domain.document.Document
    trouble BLOB NOT NULL,        -- JSON list of reasons
    local_outcome TEXT,
    verdict BLOB,                 -- JSON of domain.verdict.Verdict
    checked_at TEXT,
    gateway_outcome TEXT,
    answer BLOB,                  -- JSON of domain.verdict.GatewayAnswer
    answered_at TEXT,
    released_at TEXT,             -- when the traveller left the lane
    erased_at TEXT                -- when personal data was erased
) STRICT;
CREATE INDEX encounter_unchecked ON encounter (id) WHERE local_outcome IS NULL AND erased_at IS NULL;

CREATE TABLE sample (
    encounter_id TEXT NOT NULL REFERENCES encounter (id) ON DELETE CASCADE,
    modality TEXT NOT NULL,
    position INTEGER NOT NULL,    -- FGP; 0 for a face
    media_type TEXT NOT NULL,
    image BLOB NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    dpi INTEGER,
    quality INTEGER,
    template BLOB NOT NULL,
    missing TEXT,                 -- AMP code
    PRIMARY KEY (encounter_id, modality, position)
) STRICT;

-- A row goes on only when the gateway's own receipt, and later its reply, is stored.
CREATE TABLE outbox (
    tcn TEXT PRIMARY KEY,
    encounter_id TEXT NOT NULL REFERENCES encounter (id),
    kind TEXT NOT NULL,
    priority INTEGER NOT NULL,
    payload BLOB NOT NULL,
    created_at TEXT NOT NULL,
    state TEXT NOT NULL,          -- queued, received, answered, quarantined
    attempts INTEGER NOT NULL DEFAULT 0,
    last_error TEXT NOT NULL DEFAULT '',
    receipt BLOB,
    received_at TEXT
) STRICT;
CREATE INDEX outbox_due ON outbox (state, priority, created_at);

CREATE TABLE reply (
    tcn TEXT PRIMARY KEY,         -- the reply's own number: a second copy is recognised by it
    tcr TEXT NOT NULL,
    encounter_id TEXT REFERENCES encounter (id),  -- NULL: answers nothing we know
    outcome TEXT NOT NULL,
    raw BLOB NOT NULL,
    received_at TEXT NOT NULL
) STRICT;

CREATE TABLE alert (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    encounter_id TEXT NOT NULL REFERENCES encounter (id),
    lane TEXT NOT NULL,
    kind TEXT NOT NULL,
    urgency INTEGER NOT NULL,
    hits BLOB NOT NULL,           -- JSON list of domain.candidate.Hit
    reasons BLOB NOT NULL,        -- JSON list of reasons
    determination TEXT NOT NULL,  -- 2.094 RDM: UC, CO, AC
    state TEXT NOT NULL,
    raised_at TEXT NOT NULL,
    decided_at TEXT,
    decided_by TEXT,
    decision_reason TEXT,
    UNIQUE (encounter_id, kind)
) STRICT;
CREATE INDEX alert_open ON alert (state, urgency, raised_at);

-- Each entry's digest covers the one before: a removed or changed entry shows. No personal data.
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    clock_trusted INTEGER NOT NULL,
    event TEXT NOT NULL,
    subject TEXT NOT NULL,
    actor TEXT NOT NULL,
    detail TEXT NOT NULL,
    digest BLOB NOT NULL
) STRICT;

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
