"""Tasks whose answers can be checked: generated ones, tool calls, programs, and files of yours."""
