"""What the HTTP side and the worker share: settings, domain, store, queue."""
