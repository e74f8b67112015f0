"""How jobs use memory: settings of the allocators, as environment variables, which a process reads when it starts.

A job works through small batches. By default the allocators of numpy (glibc), polars (jemalloc) and arrow (mimalloc) give the
memory of each batch back to the system and ask for it again, and a page that is touched for the first time is dear, most of
all on a virtual machine.
"""

KEPT = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
    "_RJEM_MALLOC_CONF": "dirty_decay_ms:10000",
    "MIMALLOC_PURGE_DELAY": "10000",
}
"""Free memory stays with the process: up to 256 MiB with glibc, and for 10 s with the others."""
