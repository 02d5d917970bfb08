-- What the source showed when it was last read, so that what has not changed since need not be asked for again.
DROP TABLE member_lists;

-- Whom the numbers in member lists mean.
CREATE TABLE cached_people (
    connector      TEXT NOT NULL,
    person         INTEGER NOT NULL,
    source         TEXT NOT NULL,
    record         TEXT,                       -- JSON: a listed user, where runs between full ones start from it
    PRIMARY KEY (connector, person)
) STRICT, WITHOUT ROWID;

-- Member lists that were read to their end.
CREATE TABLE cached_lists (
    connector      TEXT NOT NULL,
    source         TEXT NOT NULL,              -- the group
    stamp          TEXT NOT NULL,              -- when the source said that it last changed
    read           TEXT NOT NULL,              -- when it was read
    settled        INTEGER NOT NULL,           -- 1: it holds all that its stamp stands for
    members        BLOB NOT NULL,              -- packed
    PRIMARY KEY (connector, source)
) STRICT, WITHOUT ROWID;

-- The groups themselves, likewise, and up to when all of it is known.
CREATE TABLE cached_groups (
    connector      TEXT NOT NULL,
    source         TEXT NOT NULL,
    record         TEXT NOT NULL,              -- JSON
    PRIMARY KEY (connector, source)
) STRICT, WITHOUT ROWID;
CREATE TABLE cached_reads (
    connector      TEXT PRIMARY KEY,
    record         TEXT NOT NULL               -- JSON: up to when it is known, and by which settings
) STRICT, WITHOUT ROWID;
