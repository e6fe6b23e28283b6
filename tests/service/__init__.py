"""The shipped unit beneath a real systemd: needs root and systemd-nspawn, so `make service` runs it and `make test` does not."""
