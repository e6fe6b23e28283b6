"""Power cuts of a whole machine: the daemon in an emulated one whose disk forgets what was not flushed; `make power`."""
