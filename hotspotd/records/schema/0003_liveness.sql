-- What became of the liveness checks of a face; NULL where none was asked for.
ALTER TABLE encounter ADD COLUMN liveness BLOB;  -- JSON of domain.liveness.Liveness
