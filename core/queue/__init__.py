"""Redis as the broker: names both sides agree on, and the sending of jobs' ids."""
