-- The built-in directory. These tables are for everybody to read; only usersyncd writes them.

CREATE TABLE directory (
    id             TEXT NOT NULL               -- says which directory this is: ledgers belong to it
) STRICT;

CREATE TABLE users (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    username       TEXT NOT NULL,
    username_key   TEXT NOT NULL UNIQUE,       -- the username in lower case: names are compared so
    email          TEXT NOT NULL,
    first_name     TEXT NOT NULL,
    last_name      TEXT NOT NULL,
    display_name   TEXT NOT NULL,
    active         INTEGER NOT NULL DEFAULT 1,
    source_id      TEXT                        -- the source's id of the user it was created for
) STRICT;

CREATE TABLE groups (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    name           TEXT NOT NULL,
    name_key       TEXT NOT NULL UNIQUE,
    description    TEXT NOT NULL,
    source_id      TEXT
) STRICT;

CREATE TABLE memberships (
    group_id       INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id        INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_of_user ON memberships (user_id);

CREATE VIEW members AS
    SELECT groups.name AS group_name, users.username, users.active
    FROM memberships
    JOIN groups ON groups.id = memberships.group_id
    JOIN users ON users.id = memberships.user_id;
