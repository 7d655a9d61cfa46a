-- The effect ledger reads what the tools of a session did, and pending decisions, without the rest of the log.
CREATE INDEX events_effects ON events (session_id, type, sequence)
    WHERE type IN ('tool.started', 'tool.completed', 'transcript.repaired', 'tool.decision_requested',
                   'tool.decision_made', 'act.completed');
