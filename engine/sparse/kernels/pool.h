#ifndef EBB_POOL_H
#define EBB_POOL_H

#include "kernels.h"
#include "threads.h"

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

// Threads that share the steps of a job: see pool.c. Nobody but pool.c touches what is in it.
typedef struct {
  ebb_kernels kernels;
  ebb_bed bed;
  _Atomic(const ebb_program*) program;
  ebb_job job;
  uint64_t sequence;
  _Alignas(64) _Atomic(uint64_t) next;
  _Alignas(64) atomic_int finished;         // chunks of the step
  _Alignas(64) _Atomic(uint64_t) threads;   // that the job is cut for
  atomic_int ending, failed;
  atomic_int helpers, sleeping, resting;
} ebb_pool;

void ebb_pool_init(ebb_pool* pool, ebb_kernels kernels);

// Runs a job on the caller's thread and on those `threads - 1` helpers, of the lowest indices, that are there.
// Returns whether it is done: 0 where a helper failed. The pool can run no more then.
int ebb_pool_run(ebb_pool* pool, const ebb_job* job, int threads);

// A helper's whole life: takes part in jobs until the pool ends.
void ebb_pool_help(ebb_pool* pool, int index);

// From a helper that cannot go on: lets the job end.
void ebb_pool_fail(ebb_pool* pool);

// Sends the helpers home; between two runs.
void ebb_pool_end(ebb_pool* pool);

// Once they are gone.
void ebb_pool_destroy(ebb_pool* pool);

// Helpers that are there, and how many of them sleep.
int ebb_pool_helpers(ebb_pool* pool);
int ebb_pool_sleepers(ebb_pool* pool);

#endif
