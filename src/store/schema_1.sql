-- Times are RFC 3339 text in UTC with milliseconds.

CREATE TABLE connectors (
    name           TEXT PRIMARY KEY,
    source_id      TEXT,                       -- what the ledger belongs to: the org's id, where it could be read,
    origin         TEXT,                       -- where the org was reached,
    target         TEXT,                       -- and the target's address
    paused         INTEGER NOT NULL DEFAULT 0,
    last_scheduled TEXT                        -- up to when scheduled runs were begun or skipped
) STRICT;

CREATE TABLE ledger_users (
    connector      TEXT NOT NULL,
    source         TEXT NOT NULL,
    target         TEXT NOT NULL,
    username       TEXT NOT NULL,
    origin         TEXT NOT NULL CHECK (origin IN ('created', 'adopted')),
    disabled_by_us INTEGER NOT NULL,
    PRIMARY KEY (connector, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger_groups (
    connector      TEXT NOT NULL,
    source         TEXT NOT NULL,
    target         TEXT NOT NULL,
    name           TEXT NOT NULL,
    origin         TEXT NOT NULL CHECK (origin IN ('created', 'adopted')),
    memberships    INTEGER NOT NULL,
    PRIMARY KEY (connector, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    connector      TEXT NOT NULL,
    trigger        TEXT NOT NULL,
    started        TEXT NOT NULL,
    ended          TEXT,                       -- NULL: busy, or the daemon died in it
    outcome        TEXT,
    report         TEXT                        -- JSON, without the operations: they are in the journal
) STRICT;
CREATE INDEX runs_of_connector ON runs (connector, id);

-- One row per operation. Written before its request is sent (result NULL), answered after.
CREATE TABLE journal (
    run            INTEGER NOT NULL REFERENCES runs (id),
    position       INTEGER NOT NULL,
    kind           TEXT NOT NULL,
    source         TEXT NOT NULL,
    target         TEXT,
    name           TEXT NOT NULL,
    summary        TEXT NOT NULL,
    operation      TEXT NOT NULL,              -- JSON with before and after
    result         TEXT,                       -- applied, failed, partial; unanswered once a later run has seen to it
    error          TEXT,
    PRIMARY KEY (run, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX journal_open ON journal (run) WHERE result IS NULL;

-- What the limits over 24 hours are counted from.
CREATE TABLE applied (
    connector      TEXT NOT NULL,
    at             TEXT NOT NULL,
    kind           TEXT NOT NULL,              -- leavers, memberships, groups, renames, creates
    target_group   TEXT NOT NULL DEFAULT '',   -- for memberships
    count          INTEGER NOT NULL,
    base           INTEGER NOT NULL            -- before the run
) STRICT;
CREATE INDEX applied_by_time ON applied (connector, at);
