-- Words that a person wrote for an entry of the audit chain. The entry holds a salted digest of them, so that they can be
-- erased when their time is up and the chain stays whole.
CREATE TABLE audit_note (
    seq INTEGER PRIMARY KEY,
    salt BLOB NOT NULL,
    text TEXT NOT NULL
) STRICT;
-- How far the chain was, sealed by the device's key: what is cut off or made anew since shows without the gateway too.
CREATE TABLE audit_checkpoint (
    number INTEGER PRIMARY KEY,   -- from 1, without gaps
    seq INTEGER NOT NULL,
    digest BLOB NOT NULL,
    body BLOB NOT NULL            -- JSON of relay.checkpoint.Sealed, as it goes to the gateway
) STRICT;
