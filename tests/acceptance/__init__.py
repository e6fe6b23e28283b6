"""One test a promise: whole migrations between the simulated accounts, looked at from outside when they are over."""
