-- Times are RFC 3339 text in UTC with milliseconds.

ALTER TABLE runs ADD COLUMN user TEXT;                 -- the login that a run was limited to

ALTER TABLE ledger_users ADD COLUMN left_since TEXT;   -- when a proven run first found that it left
ALTER TABLE ledger_users ADD COLUMN original TEXT;     -- JSON: its attributes before it was anonymized

-- Groups of groups.always, and whose memberships in them are ours.
CREATE TABLE ledger_always (
    connector      TEXT NOT NULL,
    name           TEXT NOT NULL,              -- as it stands in the connector file
    target         TEXT NOT NULL,
    created        INTEGER NOT NULL,           -- by us
    PRIMARY KEY (connector, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger_always_members (
    connector      TEXT NOT NULL,
    name           TEXT NOT NULL,
    source         TEXT NOT NULL,
    PRIMARY KEY (connector, name, source)
) STRICT, WITHOUT ROWID;
