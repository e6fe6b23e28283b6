"""
Lead Perfection as a source.

Files here: `streams.toml` says what there is, `dialect` how it is asked, `diary` joins what two calls tell of one appointment, `mends` what
values need. All else is done by the readers of every platform: `api`, `files`, `rows`, and `spec_source` that joins them.
"""
