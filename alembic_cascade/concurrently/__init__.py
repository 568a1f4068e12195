"""The concurrent form of the operations: many short transactions, each of which can be the last for now."""
