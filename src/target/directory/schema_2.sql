ALTER TABLE users ADD COLUMN attributes TEXT NOT NULL DEFAULT '{}';   -- JSON: further attributes by name
