-- What became of reading the document's chip, and of comparing its portrait with the face; NULL where neither was done.
ALTER TABLE encounter ADD COLUMN chip BLOB;      -- JSON of domain.chip.ChipCheck
ALTER TABLE encounter ADD COLUMN portrait BLOB;  -- JSON of domain.chip.PortraitCheck
