"""The parts of `benchmarks/gpu.py`: each is a function that yields rows of its table.

Nothing here imports torch before a part needs it: it reads CUDA_VISIBLE_DEVICES only once.
"""
