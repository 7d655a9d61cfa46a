-- How often a session's own definition was changed, so that its owner can ask for what is new, as of agents and harnesses.
ALTER TABLE sessions ADD COLUMN revision bigint NOT NULL DEFAULT 1;
