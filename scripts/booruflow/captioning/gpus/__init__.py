"""The GPUs of this machine: which there are, which job holds one, and its memory, power and temperature while a job runs.

In: nvidia-smi, NVML, CUDA_VISIBLE_DEVICES. Out: a lease on one GPU, and readings for the stats.
"""
