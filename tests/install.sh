#!/bin/sh
# Installs into a bare folder, builds the README's example against the installed copy, once through pkg-config and once through the CMake
# package, and runs it; the installed example of a predictor compiles too. A package, a stage and an absolute library folder name their prefixes too.
# usage: install.sh BUILD_FOLDER README
set -eu
build=$1
readme=$2
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
cmake --install "$build" --prefix "$root/usr" >"$root/install.log" || { cat "$root/install.log"; exit 1; }
awk '/^```c$/ {inside = 1; next} /^```$/ {inside = 0} inside' "$readme" >"$root/example.c"
[ -s "$root/example.c" ] || { echo "the README holds no C example"; exit 1; }

lib=$(dirname "$(find "$root/usr" -name libvqdna.so)")
PKG_CONFIG_PATH=$lib/pkgconfig
export PKG_CONFIG_PATH
flags=$(pkg-config --cflags --libs vqdna)
# shellcheck disable=SC2086
cc -std=c11 -Wall -Wextra -Werror "$root/example.c" $flags -o "$root/by-pkg-config"
example=$(find "$root/usr" -name example_predictor.c)
[ -n "$example" ] || { echo "the example of a predictor is not installed"; exit 1; }
# shellcheck disable=SC2086
cc -std=c11 -Wall -Wextra -Werror "$example" $flags -o "$root/predictor"
said=$(LD_LIBRARY_PATH=$lib "$root/predictor" 2>&1) && { echo "the example of a predictor takes no arguments"; exit 1; }
[ "${said%% *}" = usage: ] || { echo "the example of a predictor says '$said'"; exit 1; }

# C++ reads the header too.
if command -v g++ >/dev/null; then
    echo '#include <vqdna.h>' >"$root/header.cc"
    # shellcheck disable=SC2086
    g++ -std=c++17 -Wall -Wextra -Werror -fsyntax-only "$root/header.cc" $flags
fi

mkdir "$root/project"
cat >"$root/project/CMakeLists.txt" <<EOF
cmake_minimum_required(VERSION 3.25)
project(example LANGUAGES C)
find_package(vqdna REQUIRED)
add_executable(example $root/example.c)
target_link_libraries(example PRIVATE vqdna::vqdna)
EOF
generator=$(sed -n "s/^CMAKE_GENERATOR:INTERNAL=//p" "$build/CMakeCache.txt")
cmake -G "$generator" -S "$root/project" -B "$root/project/build" -DCMAKE_PREFIX_PATH="$root/usr" >"$root/cmake.log" 2>&1 || { cat "$root/cmake.log"; exit 1; }
cmake --build "$root/project/build" >"$root/cmake.log" 2>&1 || { cat "$root/cmake.log"; exit 1; }

awk 'BEGIN {srand(1); print ">random"; for (i = 0; i < 200; i++) {s = ""; for (j = 0; j < 60; j++) s = s substr("ACGT", int(rand() * 4) + 1, 1); print s}}' \
    >"$root/random.fa"
LD_LIBRARY_PATH=$lib "$root/by-pkg-config" 2>"$root/said" && { echo "the example trains on nothing"; exit 1; }
grep -q "no sequences to train on" "$root/said"
for program in "$root/by-pkg-config" "$root/project/build/example"; do
    LD_LIBRARY_PATH=$lib "$program" "$root/random.fa" >"$root/said" || { echo "$program failed"; exit 1; }
    tail -2 "$root/said" | uniq | wc -l | grep -qx 1 || { echo "other bases came back"; cat "$root/said"; exit 1; }
done
"$root/usr/bin/vqdna" --version
for page in vqdna vqdna-train; do
    if command -v scdoc >/dev/null; then
        [ -n "$(find "$root/usr" -name "$page.1*")" ] || { echo "man page $page is not installed"; exit 1; }
    fi
done

# libraries FOLDER: where the vqdna.pc below it says that the library lies.
libraries() {
    PKG_CONFIG_PATH=$(dirname "$(find "$1" -name vqdna.pc)")
    realpath -m "$(pkg-config --variable=libdir vqdna)"
}
DESTDIR=$root/stage cmake --install "$build" --prefix /opt/vqdna >/dev/null
[ -e "$(libraries "$root/stage")/libvqdna.so" ] || { echo "a stage's vqdna.pc names another folder"; exit 1; }
if command -v dpkg-shlibdeps >/dev/null; then
    (cd "$build" && cpack -G DEB -B "$root/deb" >"$root/cpack.log") || { cat "$root/cpack.log"; exit 1; }
    dpkg-deb -x "$root"/deb/*.deb "$root/package"
    [ -e "$(libraries "$root/package")/libvqdna.so" ] || { echo "the package's vqdna.pc names another folder"; exit 1; }
    [ -n "$(find "$root/package" -path '*/examples/example_predictor.c')" ] || { echo "the package lacks the example of a predictor"; exit 1; }
fi
cmake -G "$generator" -S "$(dirname "$readme")" -B "$root/absolute" -DVQDNA_TESTS=OFF -DCMAKE_INSTALL_LIBDIR=/opt/lib64 >"$root/cmake.log"
[ "$(libraries "$root/absolute")" = /opt/lib64 ] || { echo "an absolute library folder is not the one named"; exit 1; }
