"""Tables of other tools. In: parquet and CSV files whose columns have any type. Out: streams sorted by id, whose columns have
one type each; what does not fit is refused with file, row and column.
"""
