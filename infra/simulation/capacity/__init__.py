"""What one deployment can take: measured here where that is possible, and reckoned from there."""
