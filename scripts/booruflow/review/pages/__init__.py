"""The review page in the browser: a server over the calls of this room.

In: a data set's folder. Out: pages, JSON and images over HTTP, to the same machine or to whoever has the token.
"""
