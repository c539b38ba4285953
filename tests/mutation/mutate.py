#!/usr/bin/env python3
"""mutate.py [NAME... | --check]: takes one promise after the other out of the code, and looks which test notices.

mutations.toml says what is changed and which tests must turn red. The tree is copied to build/mutation/tree, where each
change is made, built, tried and undone; what is built stays for the next run. Without NAMEs all are tried. Ends with 1 when
a change went unnoticed, or could not be tried. With --check nothing is built: does each still have its place in the code?
"""

import os
import pathlib
import subprocess
import sys
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
TREE = ROOT / "build/mutation/tree"
BUILD = TREE / "build/dev"
LOGS = ROOT / "build/mutation/logs"
PATIENCE = 300  # s for one test program; one that hangs has noticed
CONFIGURE = ["cmake", "--preset", "dev", "--log-level=WARNING", "-DMUSTER_BENCH=OFF", "-DCMAKE_CXX_FLAGS_DEBUG=-O0"]
JOBS = os.environ.get("MUSTER_JOBS", str(os.cpu_count()))


def run(command, log, patience=None):
    """The exit status; None when its time was up."""
    with open(log, "a") as file:
        try:
            return subprocess.run(command, cwd=TREE, stdout=file, stderr=subprocess.STDOUT, timeout=patience).returncode
        except subprocess.TimeoutExpired:
            return None


def copy_tree():
    """Writes only what differs, so that little is built anew."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    names = {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
    for name in names:
        source, copy = ROOT / name, TREE / name
        if copy.is_file() and copy.read_bytes() == source.read_bytes():
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(source.read_bytes())
        copy.chmod(source.stat().st_mode)
    for copy in TREE.rglob("*"):
        if copy.is_file() and BUILD.parent not in copy.parents and str(copy.relative_to(TREE)) not in names:
            copy.unlink()


def build(targets, log):
    return run(["cmake", "--build", "--preset", "dev", "-j", JOBS, "--target", *targets], log) == 0


def tests_of(mutation):
    """Pairs of a test program and its filter; a script of tests/wire needs the two programs."""
    return [test.partition(":")[::2] for test in mutation["red"]]


def targets_of(mutation):
    return sorted({t for program, _ in tests_of(mutation) for t in (["musterd", "musterctl"] if program == "wire" else [program])})


def is_red(program, pattern, log):
    if program == "wire":
        return run(["env", f"MUSTERD={BUILD}/musterd", f"MUSTERCTL={BUILD}/musterctl", "bash", f"tests/wire/{pattern}.sh"],
                   log, PATIENCE) != 0
    return run([f"{BUILD}/tests/{program}", "--gtest_brief=1", f"--gtest_filter={pattern or '*'}"], log, PATIENCE) != 0


def has_place(root, mutation):
    return (root / mutation["file"]).read_text().count(mutation["old"]) == 1


def check(mutations):
    lost = [name for name, mutation in mutations.items() if not has_place(ROOT, mutation)]
    for name in lost:
        print(f"{name}: what it changes does not stand once in {mutations[name]['file']}")
    return 1 if lost else 0


def try_out(name, mutation):
    """What became of it, in a word or two."""
    log = LOGS / f"{name}.log"
    log.unlink(missing_ok=True)
    file = TREE / mutation["file"]
    before = file.read_text()
    if not has_place(TREE, mutation):
        return "not tried: what it changes is not there once"
    try:
        file.write_text(before.replace(mutation["old"], mutation["new"]))
        if not build(targets_of(mutation), log):
            return f"not tried: does not build, see {log.relative_to(ROOT)}"
        for program, pattern in tests_of(mutation):
            if is_red(program, pattern, log):
                return f"red: {program}" + (f" {pattern}" if pattern else "")
    finally:
        file.write_text(before)
    return "SURVIVED"


def main(names):
    with open(ROOT / "tests/mutation/mutations.toml", "rb") as file:
        mutations = tomllib.load(file)
    if names == ["--check"]:
        return check(mutations)
    if unknown := set(names) - set(mutations):
        sys.exit(f"no mutation called {', '.join(sorted(unknown))}; there are: {', '.join(mutations)}")
    chosen = {name: mutation for name, mutation in mutations.items() if not names or name in names}
    LOGS.mkdir(parents=True, exist_ok=True)
    TREE.mkdir(parents=True, exist_ok=True)
    os.environ |= {"CCACHE_BASEDIR": str(TREE), "CCACHE_NOHASHDIR": "1"}
    copy_tree()
    log = LOGS / "build.log"
    log.unlink(missing_ok=True)
    targets = sorted({target for mutation in chosen.values() for target in targets_of(mutation)})
    if run(CONFIGURE, log) != 0 or not build(targets, log):
        sys.exit(f"the code as it is does not build: see {log}")
    # What is red anyway notices nothing.
    for program, pattern in sorted({test for mutation in chosen.values() for test in tests_of(mutation)}):
        if is_red(program, pattern, log):
            sys.exit(f"{program} {pattern} is red without any change: see {log}")
    bad = 0
    for name, mutation in chosen.items():
        begin = time.monotonic()
        outcome = try_out(name, mutation)
        bad += not outcome.startswith("red")
        print(f"{name:28} {mutation['what']:64} {outcome} ({time.monotonic() - begin:.0f} s)", flush=True)
    print(f"{len(chosen)} mutations, {bad} went unnoticed or could not be tried")
    return 1 if bad else 0


sys.exit(main(sys.argv[1:]))
