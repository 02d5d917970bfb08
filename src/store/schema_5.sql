-- True from a relink until nothing is left that could be linked by its name only (RULES 4).
ALTER TABLE connectors ADD COLUMN relinking INTEGER NOT NULL DEFAULT 0;
