#!/bin/sh
# Replay the notebooks as three processors would run them: without vector units, with AVX2, and as this one does.
set -e
cd "$(dirname "$0")/.."
echo "instruction set: baseline"
ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41 MKL_ENABLE_INSTRUCTIONS=SSE4_2 sh tools/replay.sh
echo "instruction set: AVX2"
ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2 sh tools/replay.sh
echo "instruction set: this machine's"
sh tools/replay.sh
