#ifndef EBB_POOL_H
#define EBB_POOL_H

#include "kernels.h"

// Must neither change nor move while a pool may run it.
typedef struct {
  const ebb_step* steps;
  int count;
  float* image;
} ebb_program;

typedef struct {
  const ebb_program* program;
  int level;
  const float* input;
  float* output;
} ebb_job;

// The kernels of one instruction set.
typedef struct {
  ebb_cut_function* cut;
  ebb_run_function* run;
} ebb_kernels;

typedef struct ebb_pool ebb_pool;

// A pool that has no threads yet; null where there is no memory.
ebb_pool* ebb_pool_create(ebb_kernels kernels);
// Runs a job on the caller's thread and `threads - 1` others, as far as they can be started.
void ebb_pool_run(ebb_pool* pool, const ebb_job* job, int threads);
// Ends the threads.
void ebb_pool_destroy(ebb_pool* pool);

#endif
