-- What is personal is sealed from here on, with a key of its own for each encounter; records.vault has the keys and the
-- functions seal, unseal and new_key. What is counted or looked for gets columns of its own.
ALTER TABLE encounter ADD COLUMN key_id INTEGER;       -- of records.vault; NULL: nothing personal is held
ALTER TABLE encounter ADD COLUMN kept_from TEXT;       -- from when time counts; NULL: not on a trusted clock yet
ALTER TABLE encounter ADD COLUMN local_reasons TEXT;   -- JSON list
ALTER TABLE encounter ADD COLUMN local_hits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE encounter ADD COLUMN local_ms REAL;
ALTER TABLE alert ADD COLUMN hit_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alert ADD COLUMN decision_words BLOB;      -- sealed; in place of decision_reason
ALTER TABLE reply ADD COLUMN key_id INTEGER;           -- of a reply that belongs to no encounter
-- Keys of what was erased, until they are destroyed.
CREATE TABLE dead_key (
    id INTEGER PRIMARY KEY
) STRICT;
CREATE TABLE legal_hold (
    encounter_id TEXT PRIMARY KEY REFERENCES encounter (id),
    since TEXT NOT NULL,
    held_by TEXT NOT NULL,
    reason BLOB NOT NULL      -- sealed
) STRICT;
-- A note is sealed with a key of its own, and the entry's digest is of what is sealed. What was written before stays as it
-- is, since the chain vouches for it; it goes in its time.
ALTER TABLE audit_note ADD COLUMN key_id INTEGER;
ALTER TABLE audit_note ADD COLUMN sealed BLOB;
CREATE INDEX encounter_held ON encounter (id) WHERE key_id IS NOT NULL;

UPDATE encounter SET local_ms = verdict ->> '$.compute_ms', local_reasons = coalesce(verdict -> '$.reasons', '[]'),
    local_hits = json_array_length(coalesce(verdict -> '$.hits', '[]')) WHERE verdict IS NOT NULL;
UPDATE alert SET hit_count = json_array_length(hits);
UPDATE encounter SET kept_from = recorded_at WHERE clock_trusted;

-- Of what was erased before, only what came since is still personal.
UPDATE encounter SET key_id = new_key() WHERE erased_at IS NULL OR answer IS NOT NULL
    OR EXISTS (SELECT 1 FROM alert a WHERE a.encounter_id = encounter.id AND (a.hit_count > 0 OR a.decision_reason <> ''))
    OR EXISTS (SELECT 1 FROM reply r WHERE r.encounter_id = encounter.id AND (r.answer IS NOT NULL OR length(r.raw) > 0));
UPDATE encounter SET document = NULL, verdict = NULL, liveness = NULL, chip = NULL, portrait = NULL, answer = NULL
    WHERE key_id IS NULL;
UPDATE encounter SET
    document = seal(key_id, 'encounter.document', id, document),
    verdict = seal(key_id, 'encounter.verdict', id, verdict),
    answer = seal(key_id, 'encounter.answer', id, answer),
    liveness = seal(key_id, 'encounter.liveness', id, liveness),
    chip = seal(key_id, 'encounter.chip', id, chip),
    portrait = seal(key_id, 'encounter.portrait', id, portrait)
    WHERE key_id IS NOT NULL;
UPDATE sample SET
    image = seal((SELECT key_id FROM encounter e WHERE e.id = encounter_id), 'sample.image',
        encounter_id || '/' || modality || '/' || position, image),
    template = seal((SELECT key_id FROM encounter e WHERE e.id = encounter_id), 'sample.template',
        encounter_id || '/' || modality || '/' || position, template);
UPDATE outbox SET payload = x'' WHERE encounter_id IN (SELECT id FROM encounter WHERE key_id IS NULL);
UPDATE outbox SET
    payload = seal((SELECT key_id FROM encounter e WHERE e.id = encounter_id), 'outbox.payload', tcn, payload)
    WHERE encounter_id IS NOT NULL AND length(payload) > 0;
UPDATE reply SET key_id = new_key() WHERE encounter_id IS NULL;
UPDATE reply SET
    raw = seal(coalesce(key_id, (SELECT key_id FROM encounter e WHERE e.id = encounter_id)), 'reply.raw', tcn, raw),
    answer = seal(coalesce(key_id, (SELECT key_id FROM encounter e WHERE e.id = encounter_id)), 'reply.answer', tcn, answer);
-- No hits are no secret: they are nothing.
UPDATE alert SET hits = iif(hit_count = 0, x'', seal((SELECT key_id FROM encounter e WHERE e.id = encounter_id),
    'alert.hits', encounter_id || '/' || kind, hits)),
    decision_words = seal((SELECT key_id FROM encounter e WHERE e.id = encounter_id), 'alert.decision_words',
    encounter_id || '/' || kind, decision_reason);
ALTER TABLE alert DROP COLUMN decision_reason;
