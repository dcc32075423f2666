// A pool and its POSIX threads, for the addon. WebAssembly's are started by runtime/helper-threads.ts.
#ifndef EBB_CREW_H
#define EBB_CREW_H

#include "pool.h"

typedef struct ebb_crew ebb_crew;

// Without threads yet; null where there is no memory.
ebb_crew* ebb_crew_create(ebb_kernels kernels);
// Runs a job on the caller's thread and `threads - 1` others, as far as they can be started.
void ebb_crew_run(ebb_crew* crew, const ebb_job* job, int threads);
// Ends the threads.
void ebb_crew_destroy(ebb_crew* crew);

#endif
