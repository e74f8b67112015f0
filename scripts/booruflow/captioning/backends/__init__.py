"""What writes captions: local models and servers, each behind the interface in `interface.py`.

In: requests (a prompt, and an image for most backends). Out: generated texts, or the reason why a request failed.
"""
