"""
Export snapshots as a source: folders of CSV files and workbooks with a manifest, whichever platform they came from.

`inbox` finds snapshots and proves that they are whole, `table` reads rows of one file, `attachment` walks and copies the files of records,
`reader` makes pages of records of them by a spec. Nothing here knows a platform: what the columns mean stands in its spec.
"""
