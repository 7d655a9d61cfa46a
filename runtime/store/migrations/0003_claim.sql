-- Which Ray cluster serves this database, and when its supervisor last said so. There is one at a time.
ALTER TABLE deployment ADD COLUMN cluster text, ADD COLUMN seen_at timestamptz;
