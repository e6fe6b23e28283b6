"""
Export snapshots as a source: folders of CSV files and workbooks with a manifest, whichever platform they came from.

`inbox` finds snapshots and proves that they are whole, `table` reads rows of one file, `attachment` walks and copies the files of records.
Nothing here knows a platform: what the columns mean is the business of whoever reads them.
"""
