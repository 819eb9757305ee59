-- One-time codes, one a device. The code itself is not here: verifier is the public key that is derived from it.
CREATE TABLE enrolment_code (
    device TEXT PRIMARY KEY,
    verifier TEXT NOT NULL,
    issued_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    tries INTEGER NOT NULL,        -- that are left
    used_for TEXT NOT NULL         -- SHA-256 of the public key that it was used for; empty while it was not
) STRICT;
-- Certificates of devices that were issued by enrolment, or revoked.
CREATE TABLE device_certificate (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    device TEXT NOT NULL,
    serial TEXT NOT NULL,          -- hexadecimal
    thumbprint TEXT NOT NULL UNIQUE, -- x5t#S256
    public_key TEXT NOT NULL,      -- SHA-256 of it
    body BLOB NOT NULL,            -- DER
    issued_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    how TEXT NOT NULL,             -- code, stick, renewal, listed
    revoked_at TEXT NOT NULL,      -- empty while it is good
    revoked_why TEXT NOT NULL
) STRICT;
CREATE INDEX device_certificate_device ON device_certificate (device, id);
CREATE INDEX device_certificate_revoked ON device_certificate (revoked_at) WHERE revoked_at <> '';
