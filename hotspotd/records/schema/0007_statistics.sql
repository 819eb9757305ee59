-- What is counted by the hour is found without reading what every other hour holds.
CREATE INDEX encounter_recorded ON encounter (recorded_at);
CREATE INDEX reply_received ON reply (received_at);
CREATE INDEX alert_raised ON alert (raised_at);
-- Each time a device of a lane failed; until it is told.
CREATE TABLE device_fault (
    at TEXT NOT NULL,
    lane TEXT NOT NULL,
    device TEXT NOT NULL
) STRICT;
CREATE INDEX device_fault_at ON device_fault (at);
