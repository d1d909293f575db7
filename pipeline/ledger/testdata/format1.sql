-- The ledger's tables. Times are UTC text, days are YYYY-MM-DD.

CREATE TABLE nights (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    as_of       TEXT NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('running', 'published', 'failed', 'interrupted')),
    started_at  TEXT NOT NULL,
    finished_at TEXT,
    host        TEXT NOT NULL,
    pid         INTEGER NOT NULL,
    version     TEXT NOT NULL,            -- of mainstay
    config      TEXT NOT NULL,            -- fingerprint of config and SQL
    lake        TEXT NOT NULL DEFAULT '', -- digest of the lake it saw
    directory   TEXT NOT NULL DEFAULT '', -- where its tables are published
    warehouse   TEXT NOT NULL DEFAULT '', -- digest of the warehouse that it is about to publish
    warnings    INTEGER NOT NULL DEFAULT 0,
    error       TEXT NOT NULL DEFAULT ''
);

CREATE TABLE jobs (
    night    INTEGER NOT NULL REFERENCES nights (id),
    name     TEXT NOT NULL,
    status   TEXT NOT NULL CHECK (status IN ('done', 'reused', 'failed', 'skipped')),
    rows     INTEGER NOT NULL,
    seconds  REAL NOT NULL,
    note     TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (night, name)
);

-- Finished files. The key says what made them: same key, same bytes.
CREATE TABLE artifacts (
    key    TEXT PRIMARY KEY,
    tbl    TEXT NOT NULL,
    path   TEXT NOT NULL,  -- relative to the data directory
    sha256 TEXT NOT NULL,
    bytes  INTEGER NOT NULL,
    rows   INTEGER NOT NULL,
    night  INTEGER NOT NULL REFERENCES nights (id)
);

-- One extraction commit of one source.
CREATE TABLE batches (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    source    TEXT NOT NULL,
    as_of     TEXT NOT NULL,
    night     INTEGER NOT NULL REFERENCES nights (id)
);

-- What was read from a source: a file or a key range, with the version that was read.
CREATE TABLE inputs (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    source      TEXT NOT NULL,
    name        TEXT NOT NULL,
    version     TEXT NOT NULL,
    size        INTEGER NOT NULL,
    modified_at TEXT,
    rows        INTEGER NOT NULL,         -- records in the input, before the mapping
    batch       INTEGER NOT NULL REFERENCES batches (id),
    replaced_by INTEGER REFERENCES batches (id)
);
CREATE UNIQUE INDEX inputs_current ON inputs (source, name) WHERE replaced_by IS NULL;

CREATE TABLE lake_files (
    path       TEXT PRIMARY KEY,          -- relative to the data directory
    tbl        TEXT NOT NULL,
    day        TEXT NOT NULL,             -- event day (UTC)
    batch      INTEGER NOT NULL REFERENCES batches (id),
    rows       INTEGER NOT NULL,
    bytes      INTEGER NOT NULL,
    sha256     TEXT NOT NULL,
    min_event  TEXT NOT NULL,
    max_event  TEXT NOT NULL
);
CREATE INDEX lake_files_tbl ON lake_files (tbl, day);

-- Keys of a table that came more than once: readers of the table must dedupe.
CREATE TABLE lake_tables (
    tbl            TEXT PRIMARY KEY,
    repeated_keys  INTEGER NOT NULL
);

CREATE TABLE row_accounts (
    input       INTEGER NOT NULL REFERENCES inputs (id),
    tbl         TEXT NOT NULL,
    read        INTEGER NOT NULL,
    stored      INTEGER NOT NULL,
    duplicates  INTEGER NOT NULL,
    quarantined INTEGER NOT NULL,
    PRIMARY KEY (input, tbl),
    CHECK (read = stored + duplicates + quarantined)
);

CREATE TABLE check_results (
    night    INTEGER NOT NULL REFERENCES nights (id),
    tbl      TEXT NOT NULL,
    name     TEXT NOT NULL,
    severity TEXT NOT NULL,
    failing  INTEGER NOT NULL,
    detail   TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (night, tbl, name)
);

CREATE TABLE lease (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    holder    TEXT NOT NULL,
    host      TEXT NOT NULL,
    pid       INTEGER NOT NULL,
    born      TEXT NOT NULL,              -- when the process started, as its system tells it
    since     TEXT NOT NULL,
    seen      TEXT NOT NULL
);
