"""What people and schedules ask for, whoever carries the wish: the HTTP API, the command line, a task."""
