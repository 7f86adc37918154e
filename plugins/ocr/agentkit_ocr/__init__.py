"""Documents read into text with structure: headings, lists, code, tables, in reading order."""
