-- Times are RFC 3339 text in UTC with milliseconds.

ALTER TABLE connectors ADD COLUMN pause_reason TEXT;   -- why it is paused, where more than a person's wish is known
ALTER TABLE connectors ADD COLUMN last_file TEXT;      -- the connector file as it stood in the last run that succeeded
ALTER TABLE connectors ADD COLUMN undo_after INTEGER;  -- runs up to this one belong to another source or target: none is undone
ALTER TABLE connectors ADD COLUMN view TEXT;           -- JSON: how much the source showed, which a later view is compared with

ALTER TABLE journal ADD COLUMN left_out TEXT;          -- JSON: the members that a partial membership operation did not change

ALTER TABLE runs ADD COLUMN former_file TEXT;          -- last_file before this run, where this run changed it: an undo brings it back
ALTER TABLE applied ADD COLUMN run INTEGER;            -- what an undone run took away does not count

-- What a limit held back. The same operations keep their number from run to run.
CREATE TABLE holds (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    connector      TEXT NOT NULL,
    kind           TEXT NOT NULL,
    topic          TEXT NOT NULL,              -- with the kind: what it is about, such as a group
    fingerprint    BLOB NOT NULL,              -- of all its changes
    state          TEXT NOT NULL,              -- open, approved, discarded, superseded, over
    summary        TEXT NOT NULL,              -- JSON
    operations     TEXT NOT NULL,              -- JSON
    changes        INTEGER NOT NULL,
    told           INTEGER NOT NULL,           -- how many changes it had when somebody was last told
    view           TEXT,                       -- JSON, where it is held for a view that shrank: an approval makes it the baseline
    first_run      INTEGER NOT NULL,
    first_seen     TEXT NOT NULL,
    last_run       INTEGER NOT NULL,
    last_seen      TEXT NOT NULL,
    uid            INTEGER,                    -- who approved it,
    approved       TEXT,                       -- when,
    until          TEXT                        -- and until when that counts
) STRICT;
CREATE INDEX holds_of_connector ON holds (connector, state);

-- The single changes of holds, by their digest.
CREATE TABLE hold_changes (
    hold           INTEGER NOT NULL REFERENCES holds (id) ON DELETE CASCADE,
    digest         BLOB NOT NULL,
    source         TEXT NOT NULL,              -- whom it concerns at the source
    permitted      INTEGER NOT NULL DEFAULT 0, -- 1 from the approval until it is applied
    PRIMARY KEY (hold, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_holds (
    run            INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    hold           INTEGER NOT NULL REFERENCES holds (id) ON DELETE CASCADE,
    PRIMARY KEY (run, hold)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_holds_of_hold ON run_holds (hold);

-- Plans that were kept to be applied exactly so.
CREATE TABLE kept_plans (
    id             TEXT PRIMARY KEY,
    connector      TEXT NOT NULL,
    made           TEXT NOT NULL,
    expires        TEXT NOT NULL,
    uid            INTEGER NOT NULL,           -- who had it made
    document       TEXT NOT NULL,              -- JSON, as it was shown
    operations     TEXT NOT NULL               -- JSON: each operation in words, with the digests of its changes
) STRICT;

-- What the member list of each group was when it was last read to its end.
CREATE TABLE member_lists (
    connector      TEXT NOT NULL,
    source         TEXT NOT NULL,
    stamp          TEXT NOT NULL,              -- when the source says that it last changed
    members        BLOB NOT NULL,              -- the digest of their ids
    PRIMARY KEY (connector, source)
) STRICT, WITHOUT ROWID;
