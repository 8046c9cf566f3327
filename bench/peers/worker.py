#!/usr/bin/env python3
"""PyTorch, faiss or VkFFT (pyvkfft, on the first OpenCL device) as a contender of compare.py, in the interpreter it is installed for.

usage: worker.py torch|faiss|vkfft THREADS

Reads and answers what worker.c does, on the same inputs; a workload may name a variant behind a colon, one way of the library to do
it."""
import ctypes, json, sys, time

import numpy as np

SAMPLES = 256
SETTLED, MAX_REPEATS = 0.01, 99  # as in worker.c


def fill(which, *shape):
    """The tensor worker.c calls `which`: in [-1, 1), by the finalizer of MurmurHash3."""
    x = np.arange(np.prod(shape), dtype=np.uint32) + np.uint32(0x9E3779B9 * (which + 1) & 0xFFFFFFFF)
    x = (x ^ x >> np.uint32(16)) * np.uint32(0x85EBCA6B)
    x = (x ^ x >> np.uint32(13)) * np.uint32(0xC2B2AE35)
    x ^= x >> np.uint32(16)
    return ((x >> np.uint32(8)).astype(np.float32) / np.float32(1 << 23) - np.float32(1)).reshape(shape)


def sample(values):
    flat = np.ascontiguousarray(values, dtype=np.float32).ravel()
    return [float(flat[i * 2654435761 % flat.size]) for i in range(SAMPLES)]


def openblas_core():
    """Whose kernels the OpenBLAS in this process uses; NumPy's own copy has other names and is passed over."""
    for path in sorted({line.split()[-1] for line in open("/proc/self/maps") if "openblas" in line}):
        name = getattr(ctypes.CDLL(path), "openblas_get_corename", None)
        if name:
            name.restype = ctypes.c_char_p
            return ", OpenBLAS with %s kernels" % name().decode()
    return ""


def faiss_contender(threads):
    import faiss

    faiss.omp_set_num_threads(threads)

    def assign(variant, M, D, K):
        h, e = fill(0, M, D), fill(1, K, D)
        if variant == "knn":
            run = lambda: faiss.knn(h, e, 1)[1]
        else:
            index = faiss.IndexFlatL2(D)
            index.add(e)
            run = lambda: index.search(h, 1)[1]
        return run, lambda found: found.ravel().tolist()

    name = "faiss %s, %s%s" % (faiss.__version__, faiss.get_compile_options().strip(), openblas_core())
    return name, {"assign": (assign, ["IndexFlatL2", "knn"])}


def vkfft_contender(threads):
    import pyopencl, pyopencl.array, pyvkfft.version
    from pyvkfft.opencl import VkFFTApp

    try:  # a pyopencl from PyPI brings a loader of its own, which looks for drivers in its own folder and $OCL_ICD_VENDORS
        device = pyopencl.get_platforms()[0].get_devices()[0]
    except pyopencl.Error as error:
        raise ImportError("pyopencl finds no device: %s" % error)
    queue = pyopencl.CommandQueue(pyopencl.Context([device]))

    def fft(variant, B, N, C):
        # Series in one piece, as it likes them; not timed, element (b, n, c) of either plane is ours.
        re, im = fill(0, 2, B, N, C)
        x = pyopencl.array.to_device(queue, np.ascontiguousarray((re + 1j * im).transpose(0, 2, 1).reshape(B * C, N), dtype=np.complex64))
        y = pyopencl.array.empty_like(x)
        app = VkFFTApp(x.shape, x.dtype, queue, ndim=1, inplace=False)

        def run():
            app.fft(x, y)
            queue.finish()
            return y

        def answer(y):
            out = y.get().reshape(B, C, N).transpose(0, 2, 1)
            return sample(np.stack([out.real, out.imag]))

        return run, answer

    return "VkFFT %s on %s, series contiguous" % (pyvkfft.version.vkfft_version(), device.name), {"fft": (fft, [""])}


def torch_contender(threads):
    import re, torch
    import torch.nn.functional as F

    torch.set_num_threads(threads)

    def gemm(variant, M, N, K, ta, tb, end):
        T = lambda which, *shape: torch.from_numpy(fill(which, *shape))
        a, b, c = T(0, K, M).t() if ta else T(0, M, K), T(1, N, K).t() if tb else T(1, K, N), T(2, M, N)
        bias, pre = T(3, N), T(4, M, N)
        store, add, with_bias, gelu, residual, gelu_grad = range(6)
        ends = {
            store: lambda: torch.mm(a, b, out=c),
            add: lambda: c.addmm_(a, b),
            with_bias: lambda: torch.addmm(bias, a, b, out=c),
            gelu: lambda: F.gelu(torch.addmm(bias, a, b, out=pre)),
            gelu_grad: lambda: torch.ops.aten.gelu_backward(torch.mm(a, b, out=c), pre),
        }
        return ends[end], lambda got: sample(got.numpy())

    def assign(variant, M, D, K):
        h, e = torch.from_numpy(fill(0, M, D)), torch.from_numpy(fill(1, K, D))
        squares = e.pow(2).sum(1)
        return lambda: torch.addmm(squares, h, e.t(), alpha=-2).argmin(1), lambda got: got.tolist()

    def attention(variant, B, H, L, d, backward):
        # Logical element (b, l, h, c) is ours at the same index; stored (b, h, l, c) in one piece, as these functions like it.
        q, k, v, seed = (torch.from_numpy(fill(i, B, L, H, d)).transpose(1, 2).contiguous() for i in range(4))
        for t in (q, k, v):
            t.requires_grad_(bool(backward))

        def forward():
            if variant == "sdpa":
                return F.scaled_dot_product_attention(q, k, v)
            return torch.softmax(q @ k.transpose(-1, -2) * d**-0.5, -1) @ v

        def run():
            q.grad = k.grad = v.grad = None
            with torch.set_grad_enabled(bool(backward)):
                o = forward()
            if backward:
                o.backward(seed)
            return o

        flat = lambda t: sample(t.detach().transpose(1, 2).numpy())
        return run, lambda o: sum((flat(t) for t in (q.grad, k.grad, v.grad)), []) if backward else flat(o)

    def longconv(variant, B, L, C, backward):
        # As HyenaDNA has it: real transforms of 2 L, series in one piece, as torch.fft likes them; not timed, element (b, l, c) is ours.
        x0, x1, v, seed = (torch.from_numpy(fill(i, B, L, C)).transpose(1, 2).contiguous() for i in range(4))
        h, bias = torch.from_numpy(fill(4, L, C)).t().contiguous(), torch.from_numpy(fill(5, C))
        inputs = (x0, x1, v, h, bias)
        for t in inputs:
            t.requires_grad_(bool(backward))

        def forward():
            u = v * x1
            s = torch.fft.irfft(torch.fft.rfft(u, n=2 * L) * torch.fft.rfft(h, n=2 * L), n=2 * L)[..., :L]
            return (s + u * bias[:, None]) * x0

        def run():
            for t in inputs:
                t.grad = None
            with torch.set_grad_enabled(bool(backward)):
                y = forward()
            if backward:
                y.backward(seed)
            return y

        flat = lambda t: sample(t.detach().transpose(-2, -1).numpy())
        return run, lambda y: sum((flat(t.grad) for t in (x0, x1, v, h)), []) if backward else flat(y)

    show = torch.__config__.show()
    find = lambda pattern: (re.findall(pattern, show) or ["?"])[0]
    capability = getattr(getattr(torch.backends, "cpu", None), "get_cpu_capability", lambda: find(r"CPU capability usage: (\S+)"))()
    blas = "MKL, " if find(r"LAPACK_INFO=(\w+)") == "mkl" else ""
    attentions = ["softmax"] + ["sdpa"] * hasattr(F, "scaled_dot_product_attention")
    name = "PyTorch %s, %s, %soneDNN %s%s" % (torch.__version__, capability, blas, find(r"MKL-DNN v([0-9.]+)"), openblas_core())
    return name, {"gemm": (gemm, [""]), "assign": (assign, [""]), "attention": (attention, attentions), "longconv": (longconv, [""])}


def main():
    library, threads = sys.argv[1], int(sys.argv[2])
    try:
        name, offers = {"faiss": faiss_contender, "torch": torch_contender, "vkfft": vkfft_contender}[library](threads)
    except ImportError as error:
        print(json.dumps({"skip": "%s of %s: %s" % (library, sys.executable, error)}), flush=True)
        return
    print(json.dumps({"name": name, "variants": {k: v[1] for k, v in offers.items()}}), flush=True)
    last = None
    for line in sys.stdin:
        workload, repeats, *dims = line.split()
        workload, _, variant = workload.partition(":")
        if workload not in offers:
            print("{}", flush=True)
            continue
        fresh = last != (workload, variant, dims)
        if fresh:
            run = answer = None  # the memory of the last shape goes first
            run, answer = offers[workload][0](variant, *map(int, dims))
            last = (workload, variant, dims)
        reply = {"answer": answer(run()) if fresh else [], "cpu": [], "wall": []}
        start = time.perf_counter()
        run()
        while time.perf_counter() < start + SETTLED:
            run()
        start = time.perf_counter()
        while len(reply["wall"]) < int(repeats) or (len(reply["wall"]) < MAX_REPEATS and time.perf_counter() < start + SETTLED):
            cpu, wall = time.process_time(), time.perf_counter()
            run()
            reply["cpu"].append(time.process_time() - cpu)
            reply["wall"].append(time.perf_counter() - wall)
        print(json.dumps(reply), flush=True)


main()
