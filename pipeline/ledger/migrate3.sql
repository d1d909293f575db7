-- From format 2 to format 3: schedules that remember, and nights that are brought back.

-- Times at which a schedule starts work. A slot is there before its work starts, so that a
-- restart neither loses one nor repeats one.
CREATE TABLE slots (
    schedule    TEXT NOT NULL,             -- its name in mainstay.yaml
    slot        TEXT NOT NULL,             -- the time that the schedule names
    as_of       TEXT NOT NULL,             -- of the night that it stands for
    status      TEXT NOT NULL CHECK (status IN ('waiting', 'running', 'done', 'failed', 'skipped')),
    started_at  TEXT,
    finished_at TEXT,
    exit_code   INTEGER,
    note        TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (schedule, slot)
);

-- Which night readers saw from when on, newest last: published, or brought back.
CREATE TABLE publications (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    night  INTEGER NOT NULL REFERENCES nights (id),
    at     TEXT NOT NULL,
    kind   TEXT NOT NULL CHECK (kind IN ('publish', 'rollback'))
);
