"""Allocator settings for jobs: environment variables that a process reads when it starts.

A job works through small batches. By default the allocators of numpy (glibc), polars (jemalloc) and arrow (mimalloc) return
the memory of each batch to the system and request it again. First-touch page faults are expensive, most of all on a
virtual machine.
"""

ALLOCATOR_SETTINGS = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
    "_RJEM_MALLOC_CONF": "dirty_decay_ms:10000",
    "MIMALLOC_PURGE_DELAY": "10000",
}
"""The process keeps freed memory: up to 256 MiB with glibc, for 10 s with the others."""
