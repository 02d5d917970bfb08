ALTER TABLE connectors ADD COLUMN expected_since TEXT;   -- when its schedule last began: it was new, or was resumed
