"""What every route asks of its caller, declared once; a test holds the app to it, a command prints it."""
