// The kernels as a WebAssembly module on a shared memory that it imports. Every thread has an instance of its own; all but the one that calls
// `start` first set `__stack_pointer` to a stack of their own. Who calls `run` has written image, programs and input behind what the module
// itself needs (`--initial-memory`).
#include "pool.h"

#define EXPORT(name) __attribute__((export_name(name)))

static ebb_pool pool;

EXPORT("start") void start(void) { ebb_pool_init(&pool, (ebb_kernels){EBB_CUT, EBB_RUN}); }

EXPORT("run") int run(const ebb_program* program, int level, const float* input, float* output, int threads) {
  const ebb_job job = {.program = program, .level = level, .input = input, .output = output};
  return ebb_pool_run(&pool, &job, threads);
}

EXPORT("help") void help(int index) { ebb_pool_help(&pool, index); }
EXPORT("fail") void fail(void) { ebb_pool_fail(&pool); }
EXPORT("end") void end(void) { ebb_pool_end(&pool); }
EXPORT("helpers") int helpers(void) { return ebb_pool_helpers(&pool); }
EXPORT("sleepers") int sleepers(void) { return ebb_pool_sleepers(&pool); }
