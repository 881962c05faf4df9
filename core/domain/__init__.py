"""Plain Python and no I/O: records, states and rules that can be tested as tables."""
