-- How often a workspace was changed, as of everything else that is authored.
ALTER TABLE workspaces ADD COLUMN revision bigint NOT NULL DEFAULT 1;
