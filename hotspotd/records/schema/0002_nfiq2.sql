-- NIST's quality score of a print, 0..100, where its tool is installed.
ALTER TABLE sample ADD COLUMN nfiq2 INTEGER;
