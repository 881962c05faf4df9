"""What the bundles weigh, and how long they take to start: measured on this machine, judged by nobody."""
