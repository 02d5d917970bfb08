ALTER TABLE ledger_users ADD COLUMN email TEXT;        -- the address last written, where the target does not show it
