-- Whether definitions that were stored before there were secrets have been looked through for them (docs/secrets.md).
ALTER TABLE deployment ADD COLUMN definitions_withheld boolean NOT NULL DEFAULT false;
