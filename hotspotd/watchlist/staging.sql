-- What was delivered, as last heard of it, by source. Every row names the import that brought it last.
CREATE TABLE import (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    -- SHA-256 over the files, the mapping and the options: an import goes on only with the same ones.
    digest TEXT NOT NULL,
    started TEXT NOT NULL,
    ended TEXT,
    -- Where to go on: file number, place in it, line in it.
    file INTEGER NOT NULL DEFAULT 0,
    place INTEGER NOT NULL DEFAULT 0,
    line INTEGER NOT NULL DEFAULT 0,
    counts TEXT NOT NULL DEFAULT '{}'
);
CREATE TABLE person (
    source TEXT NOT NULL,
    reference TEXT NOT NULL,
    since TEXT NOT NULL,
    import INTEGER NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (source, reference)
) WITHOUT ROWID;
-- origin: 'record' came with the person's row, 'apart' by itself; a new row of the person takes the place of the former.
CREATE TABLE document (
    source TEXT NOT NULL,
    reference TEXT NOT NULL,
    origin TEXT NOT NULL,
    issuer TEXT NOT NULL,
    number TEXT NOT NULL,
    import INTEGER NOT NULL,
    PRIMARY KEY (source, reference, origin, issuer, number)
) WITHOUT ROWID;
CREATE TABLE sample (
    source TEXT NOT NULL,
    reference TEXT NOT NULL,
    origin TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    position INTEGER NOT NULL,
    dpi INTEGER NOT NULL,
    import INTEGER NOT NULL,
    picture BLOB NOT NULL,
    PRIMARY KEY (source, reference, origin, name)
);
CREATE TABLE number (
    source TEXT NOT NULL,
    reference TEXT NOT NULL,
    kind TEXT NOT NULL,
    issuer TEXT NOT NULL,
    number TEXT NOT NULL,
    since TEXT NOT NULL,
    import INTEGER NOT NULL,
    entry BLOB NOT NULL,
    PRIMARY KEY (source, reference, kind, issuer, number)
) WITHOUT ROWID;
CREATE TABLE reject (
    id INTEGER PRIMARY KEY,
    import INTEGER NOT NULL,
    file TEXT NOT NULL,
    line INTEGER NOT NULL,
    reference TEXT NOT NULL,
    field TEXT NOT NULL,
    reason TEXT NOT NULL,
    whole INTEGER NOT NULL
);
CREATE INDEX reject_import ON reject (import);
PRAGMA user_version = 1;
