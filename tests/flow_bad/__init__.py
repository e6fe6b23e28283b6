"""The outside faces under bad input: each mistake gets one clear message, the right exit code, and leaves nothing half done."""
