"""The token bucket by which a simulated server holds its rate limit."""

from __future__ import annotations


class TokenBucket:
    """Holds up to `burst` tokens and refills at `rate_per_s`; both may change between calls."""

    def __init__(self, burst: float, now: float) -> None:
        self.tokens = float(burst)
        self._burst = float(burst)
        self._at = now

    def take(self, rate_per_s: float, burst: float, now: float) -> float:
        """Take one token and return 0.0, or return the seconds until there will be one."""
        if burst > self._burst:
            self.tokens += burst - self._burst
        self._burst = float(burst)
        self.tokens = min(self._burst, self.tokens + max(0.0, now - self._at) * rate_per_s)
        self._at = max(self._at, now)
        if self.tokens >= 1.0:
            self.tokens -= 1.0
            return 0.0
        return (1.0 - self.tokens) / rate_per_s if rate_per_s > 0 else 3600.0
