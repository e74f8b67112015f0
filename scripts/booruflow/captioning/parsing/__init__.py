"""Parsing of model outputs: raw text in; a clean caption paragraph out, or the reason why there is none.

`output_reader` and `repair` turn raw text into a value, `paragraph` turns any value into English. Start at `parser`.
"""
