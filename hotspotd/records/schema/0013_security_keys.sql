-- Security keys (WebAuthn) with which people sign in: one for each person and name under which the pages are served.
CREATE TABLE security_key (
    badge TEXT NOT NULL REFERENCES person (badge) ON DELETE CASCADE,
    rp_id TEXT NOT NULL,               -- the name: localhost, or one of console.network_names
    credential_id BLOB NOT NULL,
    credential BLOB NOT NULL,          -- attested credential data: WebAuthn Level 2, 6.5.1
    counter INTEGER NOT NULL,          -- signature counter of the last use: 6.1.1
    made_at TEXT NOT NULL,
    PRIMARY KEY (badge, rp_id)
) STRICT;
-- One row: of this are made the keys that a badge without one is asked for.
CREATE TABLE decoy_key (secret BLOB NOT NULL) STRICT;
INSERT INTO decoy_key (secret) VALUES (randomblob(32));
