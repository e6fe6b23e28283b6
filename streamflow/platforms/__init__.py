"""One folder per remote system, each behind the doors of `source` or `destination`."""
