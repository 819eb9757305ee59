-- A decision may need a second person: until then it is proposed, by decided_by at decided_at.
ALTER TABLE alert ADD COLUMN proposed TEXT;        -- the decision that a second person has yet to agree to
ALTER TABLE alert ADD COLUMN seconded_by TEXT;     -- who agreed
-- With second line since, and by whom; stays when second line decides, so that what is taken back goes back to them.
ALTER TABLE alert ADD COLUMN handed_over_at TEXT;
ALTER TABLE alert ADD COLUMN handed_over_by TEXT;
