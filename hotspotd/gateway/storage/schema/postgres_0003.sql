-- As sqlite_0004.sql has it.
CREATE TABLE enrolment_code (
    device TEXT PRIMARY KEY,
    verifier TEXT NOT NULL,
    issued_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    tries BIGINT NOT NULL,        -- that are left
    used_for TEXT NOT NULL         -- SHA-256 of the public key that it was used for; empty while it was not
);
CREATE TABLE device_certificate (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device TEXT NOT NULL,
    serial TEXT NOT NULL,          -- hexadecimal
    thumbprint TEXT NOT NULL UNIQUE, -- x5t#S256
    public_key TEXT NOT NULL,      -- SHA-256 of it
    body BYTEA NOT NULL,           -- DER
    issued_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    how TEXT NOT NULL,             -- code, stick, renewal, listed
    revoked_at TEXT NOT NULL,      -- empty while it is good
    revoked_why TEXT NOT NULL
);
CREATE INDEX device_certificate_device ON device_certificate (device, id);
CREATE INDEX device_certificate_revoked ON device_certificate (revoked_at) WHERE revoked_at <> '';
