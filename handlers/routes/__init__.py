"""One file a noun. A route reads the request, calls one function, and shapes the answer."""
