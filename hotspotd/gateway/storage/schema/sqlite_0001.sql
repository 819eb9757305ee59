CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE inbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    device TEXT NOT NULL,          -- common name of the certificate it came under
    tcn TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    priority INTEGER NOT NULL,
    body BLOB NOT NULL,            -- empty once it is not needed: portraits and prints are kept no longer
    receipt BLOB NOT NULL,
    deliveries INTEGER NOT NULL DEFAULT 1,
    runs INTEGER NOT NULL DEFAULT 0,     -- searches begun
    processed INTEGER NOT NULL DEFAULT 0,
    processed_at TEXT,
    UNIQUE (device, tcn)
) STRICT;
CREATE INDEX inbox_waiting ON inbox (priority, id) WHERE processed = 0;
CREATE TABLE reply (
    device TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    inbox_id INTEGER NOT NULL UNIQUE REFERENCES inbox (id),
    tcr TEXT NOT NULL,
    body BLOB NOT NULL,
    acknowledged INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (device, sequence)
) STRICT;
