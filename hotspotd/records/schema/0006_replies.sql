-- What a reply says, so that all replies to an encounter can be taken together; NULL where it was erased.
ALTER TABLE reply ADD COLUMN answer BLOB;  -- JSON of domain.verdict.GatewayAnswer
UPDATE reply SET answer = (
    SELECT e.answer FROM encounter e WHERE e.id = reply.encounter_id AND e.answer ->> '$.tcn' = reply.tcn
);
CREATE INDEX reply_encounter ON reply (encounter_id);
-- An encounter may be sent twice: with the fingers taken again.
CREATE INDEX outbox_encounter ON outbox (encounter_id);
-- How many more hits the bureau has than it sent.
ALTER TABLE alert ADD COLUMN unsent INTEGER NOT NULL DEFAULT 0;
