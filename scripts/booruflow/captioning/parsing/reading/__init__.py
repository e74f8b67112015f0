"""Reading of raw output: finds JSON, markdown or prose in it and decodes it.

In: the text of a model. Out: a value (`json_values.Value`), whole or without its incomplete end, or the reason why there is none.
"""
