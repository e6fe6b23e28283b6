"""The phases of a migration, one file each."""
