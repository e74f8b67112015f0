"""The GPUs of this machine: which ones there are, who holds one, and what it does while a job runs.

In: nvidia-smi, NVML, CUDA_VISIBLE_DEVICES. Out: a lease on one GPU, and readings for the stats.
"""
