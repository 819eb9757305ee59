-- People who may sign in. No names: the badge number is all that the kiosk needs to say who did something.
CREATE TABLE person (
    badge TEXT PRIMARY KEY,
    roles TEXT NOT NULL,               -- JSON list of domain.rights.Role
    secret TEXT NOT NULL,              -- argon2id, in PHC form
    must_change INTEGER NOT NULL,      -- 1: the secret was set by somebody else
    failures INTEGER NOT NULL,         -- wrong secrets in a row
    disabled INTEGER NOT NULL,
    made_at TEXT NOT NULL,
    changed_at TEXT NOT NULL
) STRICT;
