-- What officers do at the lanes, and what one shift tells the next.
ALTER TABLE encounter ADD COLUMN officer BLOB;  -- sealed: JSON list of domain.officer.OfficerAct

CREATE TABLE shift_note (
    id INTEGER PRIMARY KEY,
    written_at TEXT NOT NULL,
    clock_trusted INTEGER NOT NULL,
    author TEXT NOT NULL,              -- as in the audit chain: badge 1042
    key_id INTEGER NOT NULL,           -- of records.vault
    text BLOB NOT NULL,                -- sealed
    open_alerts INTEGER NOT NULL
) STRICT;
