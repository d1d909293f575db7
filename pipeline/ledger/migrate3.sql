-- From format 2 to format 3: schedules that remember, and nights that are brought back.

-- The number of the last transaction that is in the redo log.
CREATE TABLE redo_position (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL
);

-- How far each schedule was looked at: every slot up to there has its row in slots.
CREATE TABLE schedules (
    name    TEXT PRIMARY KEY,              -- in mainstay.yaml
    through TEXT NOT NULL
);

-- Times at which a schedule starts work. A slot is there before its work starts, so that a
-- restart neither loses one nor repeats one.
CREATE TABLE slots (
    schedule    TEXT NOT NULL,
    slot        TEXT NOT NULL,             -- the time that the schedule names
    as_of       TEXT NOT NULL,             -- of the night that it stands for
    work        TEXT NOT NULL CHECK (work IN ('night', 'retrain', 'extract')),
    starts      TEXT NOT NULL,             -- not before: the slot and its jitter
    missed      INTEGER NOT NULL DEFAULT 0, -- 1: no scheduler ran when it came
    status      TEXT NOT NULL CHECK (status IN ('waiting', 'running', 'done', 'failed', 'skipped')),
    host        TEXT NOT NULL DEFAULT '',  -- and process of the scheduler that took it
    pid         INTEGER NOT NULL DEFAULT 0,
    born        TEXT NOT NULL DEFAULT '',
    started_at  TEXT,
    finished_at TEXT,
    exit_code   INTEGER,
    note        TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (schedule, slot)
);
CREATE INDEX slots_open ON slots (status) WHERE status IN ('waiting', 'running');

-- Schedulers that live, for those on other machines.
CREATE TABLE schedulers (
    host TEXT NOT NULL,
    pid  INTEGER NOT NULL,
    born TEXT NOT NULL,
    seen TEXT NOT NULL,
    PRIMARY KEY (host, pid, born)
);

-- Which night readers saw from when on, newest last: published, or brought back. The
-- newest of a day is what the day's link shows.
CREATE TABLE publications (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    night     INTEGER NOT NULL REFERENCES nights (id),
    at        TEXT NOT NULL,
    kind      TEXT NOT NULL CHECK (kind IN ('publish', 'rollback')),
    warehouse INTEGER NOT NULL CHECK (warehouse IN (0, 1)) -- did the warehouse show it, too, or only the day's link?
);

-- The published tables of a night, so that they can be proved before they are brought back.
CREATE TABLE night_tables (
    night  INTEGER NOT NULL REFERENCES nights (id),
    tbl    TEXT NOT NULL,
    sha256 TEXT NOT NULL,                  -- of its Parquet file
    rows   INTEGER NOT NULL,
    PRIMARY KEY (night, tbl)
);

-- A night that is being brought back, and the digest of its warehouse.
CREATE TABLE rollback (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    night     INTEGER NOT NULL REFERENCES nights (id),
    warehouse TEXT NOT NULL
);

-- Nights may be partial. SQLite cannot change a CHECK, so the table is made anew; what
-- refers to its rows is checked when all of them are back.
PRAGMA defer_foreign_keys = ON;
CREATE TEMP TABLE nights2 AS SELECT * FROM nights;
DROP TABLE nights;
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
    error       TEXT NOT NULL DEFAULT '',
    code        TEXT NOT NULL DEFAULT '', -- fingerprint of the program
    settings    TEXT NOT NULL DEFAULT '', -- and of the configuration alone
    models      TEXT NOT NULL DEFAULT '', -- and of the SQL alone
    kind        TEXT NOT NULL DEFAULT 'night' CHECK (kind IN ('night', 'extraction', 'partial')) -- an extraction fills the lake and publishes nothing, a partial night makes only some tables and publishes nothing
);
INSERT INTO nights (id, as_of, status, started_at, finished_at, host, pid, version, config, lake, directory, warehouse, warnings, error, kind)
    SELECT id, as_of, status, started_at, finished_at, host, pid, version, config, lake, directory, warehouse, warnings, error, kind FROM nights2 ORDER BY id;
DROP TABLE nights2;

-- Why a file is made anew can be told when what its job did is known.
ALTER TABLE artifacts ADD COLUMN logic TEXT NOT NULL DEFAULT '';

-- The files of a table, and how a job ended night by night, are asked for in long histories.
CREATE INDEX artifacts_tbl ON artifacts (tbl, night);
CREATE INDEX jobs_name ON jobs (name, night);

-- Until now every published night was shown by the warehouse, too.
INSERT INTO publications (night, at, kind, warehouse)
    SELECT id, coalesce(finished_at, started_at), 'publish', 1 FROM nights WHERE status = 'published' AND kind = 'night' ORDER BY id;

-- What was told to whom, and whether it arrived.
CREATE TABLE notices (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    at        TEXT NOT NULL,
    night     INTEGER REFERENCES nights (id), -- NULL: of a night that could not start
    as_of     TEXT NOT NULL,
    event     TEXT NOT NULL,               -- failure, recovery, warnings, success
    channel   TEXT NOT NULL,               -- its name in mainstay.yaml
    tries     INTEGER NOT NULL,
    error     TEXT NOT NULL DEFAULT ''     -- '': delivered
);

-- Tables of a night that were published elsewhere as well.
CREATE TABLE pushes (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    at        TEXT NOT NULL,
    night     INTEGER NOT NULL REFERENCES nights (id),
    target    TEXT NOT NULL,               -- such as postgres
    tables    INTEGER NOT NULL,
    rows      INTEGER NOT NULL,
    seconds   REAL NOT NULL,
    error     TEXT NOT NULL DEFAULT ''     -- '': it is there
);

-- How good the models of a night are, for whoever watches.
CREATE TABLE model_metrics (
    night     INTEGER NOT NULL REFERENCES nights (id),
    task      TEXT NOT NULL,
    estimator TEXT NOT NULL,
    data      TEXT NOT NULL,               -- what it was judged on
    metric    TEXT NOT NULL,
    value     REAL NOT NULL,
    PRIMARY KEY (night, task, estimator, data, metric)
);

-- Published nights of which only the tables are kept that later nights read.
CREATE TABLE retired_nights (
    night INTEGER PRIMARY KEY REFERENCES nights (id),
    at    TEXT NOT NULL
);

-- Lake files whose rows were let go because they had become old.
CREATE TABLE expired_files (
    path   TEXT PRIMARY KEY,
    tbl    TEXT NOT NULL,
    day    TEXT NOT NULL,
    rows   INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    at     TEXT NOT NULL
);

-- The random key of the pseudonyms below, in hexadecimal. Without it they tell nothing.
CREATE TABLE pseudonym_key (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    key TEXT NOT NULL
);

-- People who are to be forgotten, by pseudonym (HMAC-SHA-256 of the customer's id): when
-- a source brings their rows, these are left out.
CREATE TABLE forgotten_people (
    person      TEXT PRIMARY KEY,
    at          TEXT NOT NULL,
    finished_at TEXT                       -- when all that is kept was proved to be without them; NULL: it is not done
);

-- Their rows in databases, by pseudonym (of key and digest of the row): a comparison with
-- the source does not miss them.
CREATE TABLE forgotten_rows (
    row TEXT PRIMARY KEY
);

-- Rows of people who are to be forgotten are a part of the row account.
CREATE TEMP TABLE row_accounts2 AS SELECT * FROM row_accounts;
DROP TABLE row_accounts;
CREATE TABLE row_accounts (
    input       INTEGER NOT NULL REFERENCES inputs (id),
    tbl         TEXT NOT NULL,
    read        INTEGER NOT NULL,
    stored      INTEGER NOT NULL,
    duplicates  INTEGER NOT NULL,
    quarantined INTEGER NOT NULL,
    forgotten   INTEGER NOT NULL DEFAULT 0, -- of people who are to be forgotten: left out, or taken out later
    PRIMARY KEY (input, tbl),
    CHECK (read = stored + duplicates + quarantined + forgotten)
);
INSERT INTO row_accounts (input, tbl, read, stored, duplicates, quarantined)
    SELECT input, tbl, read, stored, duplicates, quarantined FROM row_accounts2;
DROP TABLE row_accounts2;
ALTER TABLE certificates ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;
