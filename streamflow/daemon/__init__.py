"""The operator's seat: life cycle, control socket, status, metrics, log."""
