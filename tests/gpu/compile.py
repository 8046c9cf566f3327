#!/usr/bin/env python3
"""What compilers make of the kernels a GPU is given at its defaults: registers, local memory, private memory and spills of each.

usage: compile.py GPU_PROGRAMS [ARCH...]      ($CLANG and $CLC name another compiler and libclc's folder)

GPU_PROGRAMS writes the programs (programs.c). clang and libclc compile them for AMD and, with CUDA's ptxas, for NVIDIA; what is not
installed is left out aloud. Exits with 1 if a kernel has private memory or spills: an access to either is one to global memory."""
import concurrent.futures, glob, os, re, shutil, subprocess, sys, tempfile

LIBRARIES = os.environ.get('CLC', '/usr/lib/clc')
AMD, NVIDIA = ['gfx90a', 'gfx1030', 'gfx1100'], ['sm_80', 'sm_90']


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    return done.stdout + done.stderr


def clang():
    """The newest clang for which libclc's bitcode is not too new."""
    have = [os.environ.get('CLANG')] + [shutil.which(f'clang-{v}') for v in (19, 18, 17, 16, 15)]
    return next((c for c in have if c), None) if os.path.exists(f'{LIBRARIES}/amdgcn--amdhsa.bc') else None


def number(pattern, text):
    found = re.search(pattern, text)
    return int(found.group(1)) if found else 0


def amd(compiler, program, options, arch):
    out = f'{program}.{arch}.s'
    run(compiler, '-x', 'cl', '-cl-std=CL1.2', '-Xclang', '-fdeclare-opencl-builtins', '-Xclang', '-finclude-default-header', '-nogpulib',
        '-target', 'amdgcn--amdhsa', '-Xclang', '-target-cpu', '-Xclang', arch, '-Xclang', '-mlink-builtin-bitcode', '-Xclang',
        f'{LIBRARIES}/amdgcn--amdhsa.bc', '-O3', '-S', '-o', out, *options, program)
    with open(out) as file:
        text = file.read()
    kernels = re.search(r'amdhsa\.kernels:(.*?)\namdhsa\.', text, re.S).group(1)
    for block in kernels.split('\n  - ')[1:]:
        of = lambda key: number(rf'\.{key}:\s+(\d+)', block)
        yield (re.search(r'\n    \.name:\s+(\w+)', block).group(1), of('vgpr_count'), of('group_segment_fixed_size'),
               of('private_segment_fixed_size'), of('vgpr_spill_count'))


def nvidia(compiler, program, options, arch):
    out = f'{program}.{arch}.ptx'
    run(compiler, '-x', 'cl', '-cl-std=CL1.2', '-Xclang', '-fdeclare-opencl-builtins', '-Xclang', '-finclude-default-header', '-nogpulib',
        '-target', 'nvptx64-unknown-nvidiacl', '-Xclang', '-target-cpu', '-Xclang', 'sm_80', '-Xclang', '-mlink-builtin-bitcode', '-Xclang',
        f'{LIBRARIES}/nvptx64--nvidiacl.bc', '-O3', '-S', '-o', out, *options, program)
    log = run('ptxas', '-v', f'-arch={arch}', '-o', os.devnull, out)
    for block in log.split('Compiling entry function ')[1:]:
        yield (re.search(r"'(\w+)'", block).group(1), number(r'Used (\d+) registers', block), number(r'(\d+) bytes smem', block),
               number(r'(\d+) bytes stack frame', block), number(r'(\d+) bytes spill stores', block))


def compile_one(job):
    compiler, program, arch = job
    with open(program) as file:
        options, text = file.readline()[3:].split(), file.read()
    stem = re.search(r'#line 1 "(\w+)\.cl"', text).group(1)
    shown = ' '.join(o[2:] for o in options if not o.startswith(('-DVW', '-DVQ_GPU')))
    make = nvidia if arch in NVIDIA else amd
    return [(arch, f'{stem}.cl', kernel, *numbers, shown) for kernel, *numbers in make(compiler, program, options, arch)]


def main():
    compiler = clang()
    if not compiler:
        print('SKIP: clang 15 or newer, or libclc, is not installed')
        return 77
    archs = sys.argv[2:] or AMD + NVIDIA
    if not shutil.which('ptxas') and set(archs) & set(NVIDIA):
        print("ptxas is not installed: nothing is compiled for NVIDIA")
        archs = [a for a in archs if a not in NVIDIA]
    if number(r'version (\d+)', run(compiler, '--version')) < 16 and 'gfx1100' in archs:
        print('clang before 16 has half the registers of gfx1100: nothing is compiled for it')
        archs.remove('gfx1100')
    with tempfile.TemporaryDirectory() as folder:
        run(sys.argv[1], folder)
        programs = sorted(glob.glob(f'{folder}/*.cl'))
        jobs = [(compiler, p, a) for a in archs for p in programs]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            rows = sorted({row for some in pool.map(compile_one, jobs) for row in some})
    form = '{:8} {:18} {:30} {:>9} {:>6} {:>8} {:>7}  {}'
    print(form.format('arch', 'file', 'kernel', 'registers', 'local', 'private', 'spilled', 'options'))
    for row in rows:
        print(form.format(*row))
    bad = [row for row in rows if row[5] or row[6]]
    for row in bad:
        print(f'{row[2]} of {row[1]} keeps {row[5]} bytes in private memory and spills {row[6]} on {row[0]}', file=sys.stderr)
    print(f'{len(rows)} kernels of {len(programs)} programs, {len(bad)} in private memory')
    return 1 if bad or not rows else 0


if __name__ == '__main__':
    sys.exit(main())
