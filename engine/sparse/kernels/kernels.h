#ifndef EBB_KERNELS_H
#define EBB_KERNELS_H

#include "program.h"

// The source is compiled once for each instruction set, which ends the names of its functions.
#ifndef EBB_SET
#define EBB_SET baseline
#endif
#define EBB_JOIN(name, set) name##_##set
#define EBB_NAME(name, set) EBB_JOIN(name, set)
#define EBB_CUT EBB_NAME(ebb_cut, EBB_SET)
#define EBB_RUN EBB_NAME(ebb_run, EBB_SET)
#define EBB_PEAK EBB_NAME(ebb_peak, EBB_SET)

// How a step is shared among threads: so many units, of which `chunk` are taken at once.
typedef struct {
  int units, chunk;
} ebb_cut;

typedef ebb_cut ebb_cut_function(const ebb_step* step, int threads);

ebb_cut_function EBB_CUT;

// Runs units `from` to `to` of a step that is cut for so many threads. `input` and `output` are the net's, `[channels, rows, columns]`.
typedef void ebb_run_function(
    const ebb_step* step, float* image, int level, int threads, int from, int to, const float* input, float* output);

ebb_run_function EBB_RUN;

// Multiply-adds on registers alone, as fast as the machine can: what the kernels are measured against.
// Returns how many one round has; `sink` takes a number, so that nothing is optimised away.
typedef int ebb_peak_function(int rounds, float* sink);

ebb_peak_function EBB_PEAK;

#endif
