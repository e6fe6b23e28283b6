"""Tests of the command line, as processes and against a served control socket."""
