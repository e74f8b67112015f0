"""Files that people change through the page: entries keyed by id, each save on the disk when it returns, and their history."""
