"""Rows of a source as records: names, values, keys and digests by a stream's spec, whichever platform and reader they came from."""
