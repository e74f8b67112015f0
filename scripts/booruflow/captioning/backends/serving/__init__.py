"""Requests to servers of the OpenAI chat API, and engines that a caption job starts itself.

In: prepared requests, the settings of a server or an engine. Out: completions, or the reason why there is none.
"""
