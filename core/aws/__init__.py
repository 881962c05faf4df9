"""AWS itself: secrets and the buffer of events. boto3 is loaded by those who use it, when they do."""
