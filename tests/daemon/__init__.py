"""Tests of the daemon's faces: control socket, metrics, log, notify, signals."""
