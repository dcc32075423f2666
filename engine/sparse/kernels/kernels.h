#ifndef EBB_KERNELS_H
#define EBB_KERNELS_H

#include "program.h"

#ifndef EBB_RUN
#define EBB_RUN ebb_run_step
#endif

// Runs channels `from` to `to` of a step. `input` and `output` are the net's, `[channels, rows, columns]`.
typedef void ebb_run_function(const ebb_step* step, float* image, int level, int from, int to, const float* input, float* output);

ebb_run_function EBB_RUN;

#endif
