"""What every process of ours has: settings, log, clock and chance, tasks, crash windows."""
