-- From format 1 to format 2: sources that are databases.

ALTER TABLE nights ADD COLUMN kind TEXT NOT NULL DEFAULT 'night' CHECK (kind IN ('night', 'extraction'));
ALTER TABLE lake_files ADD COLUMN keyed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lake_files ADD COLUMN newer INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lake_files ADD COLUMN origin TEXT NOT NULL DEFAULT '';
-- What a source asked to be told the next time it is read, per table.
CREATE TABLE source_states (
    source TEXT NOT NULL,
    tbl    TEXT NOT NULL,
    state  TEXT NOT NULL,
    PRIMARY KEY (source, tbl)
);

-- Proof that the lake holds what a source held: per table and night, and per chunk of
-- its keys. Sums are of row digests, as decimal text.
CREATE TABLE certificates (
    night       INTEGER NOT NULL REFERENCES nights (id),
    source      TEXT NOT NULL,
    tbl         TEXT NOT NULL,
    source_rows INTEGER NOT NULL,
    source_sum  TEXT NOT NULL,
    lake_rows   INTEGER NOT NULL,          -- stored, newest versions
    refused     INTEGER NOT NULL,          -- in quarantine, newest versions
    lake_sum    TEXT NOT NULL,             -- of both
    differing   INTEGER NOT NULL,          -- rows that were missing or differed before they were read again
    deleted     INTEGER NOT NULL,          -- rows that the source no longer has
    matches     INTEGER NOT NULL CHECK (matches IN (0, 1)),
    PRIMARY KEY (night, source, tbl)
);
CREATE TABLE certificate_chunks (
    night       INTEGER NOT NULL,
    source      TEXT NOT NULL,
    tbl         TEXT NOT NULL,
    chunk       INTEGER NOT NULL,
    source_rows INTEGER NOT NULL,
    source_sum  TEXT NOT NULL,
    lake_rows   INTEGER NOT NULL,          -- stored and refused
    lake_sum    TEXT NOT NULL,
    PRIMARY KEY (night, source, tbl, chunk),
    FOREIGN KEY (night, source, tbl) REFERENCES certificates (night, source, tbl)
);
