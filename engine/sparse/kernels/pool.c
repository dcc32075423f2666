// Threads that share the steps of a job. INVARIANTS
// - the cursor alone says what is next: whoever moves it on owns the chunks that it passed;
// - the thread that finishes a step's last chunk, and no other, moves the cursor to the next step: a step begins when the one before is
//   whole;
// - the cursor says, too, that a job is over; the next one is written after that alone. A thread that was held up with an old cursor can
//   take nothing by it, and until it has taken something it reads the program alone, which does not change.
// - a thread without work sleeps after a moment of waiting.
#define _GNU_SOURCE
#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { DONE = 0xffff, MOST_HELPERS = 63, WAITS_BEFORE_YIELD = 256, YIELDS_BEFORE_SLEEP = 64 };

// Sequence number of the job, step, how many chunks were taken from the first on, and how many from the last on: a thread keeps to its end,
// so that it reads what it wrote in the step before.
typedef uint64_t cursor;
static cursor cursor_of(uint64_t job, uint64_t step, uint64_t low, uint64_t high) {
  return job << 40 | step << 24 | low << 12 | high;
}
static uint64_t job_of(cursor at) { return at >> 40; }
static int step_of(cursor at) { return (int)(at >> 24 & 0xffff); }
static int low_of(cursor at) { return (int)(at >> 12 & 0xfff); }
static int high_of(cursor at) { return (int)(at & 0xfff); }

struct ebb_pool {
  ebb_kernels kernels;
  _Atomic(const ebb_program*) program;
  ebb_job job;
  uint64_t sequence;
  _Alignas(64) _Atomic(cursor) next;
  _Alignas(64) atomic_int finished;  // chunks of the step
  _Alignas(64) atomic_int wanted;    // helpers that may take part in the job
  atomic_int ending;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  int sleeping;
  int helpers;
  pthread_t threads[MOST_HELPERS];
};

typedef struct {
  ebb_pool* pool;
  int index;
} helper;

static void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Takes part in the job until it is done.
static void take_part(ebb_pool* pool, int index, int threads) {
  int waits = 0;
  for (;;) {
    cursor at = atomic_load_explicit(&pool->next, memory_order_acquire);
    if (step_of(at) == DONE) return;
    const ebb_program* program = atomic_load_explicit(&pool->program, memory_order_acquire);
    if (step_of(at) >= program->count) continue;
    const ebb_step* step = program->steps + step_of(at);
    const ebb_cut cut = pool->kernels.cut(step, threads);
    const int chunks = (cut.units + cut.chunk - 1) / cut.chunk;
    const int low = low_of(at), high = high_of(at);
    if (low + high >= chunks) {
      // Others compute the last of this step.
      if (++waits % WAITS_BEFORE_YIELD == 0) sched_yield();
      else pause_briefly();
      continue;
    }
    const int isLow = index % 2 == 0;
    const int chunk = isLow ? low : chunks - 1 - high;
    const cursor after = cursor_of(job_of(at), (uint64_t)step_of(at), (uint64_t)(low + isLow), (uint64_t)(high + !isLow));
    if (!atomic_compare_exchange_weak_explicit(&pool->next, &at, after, memory_order_acq_rel, memory_order_relaxed)) continue;
    waits = 0;
    const ebb_job* job = &pool->job;
    const int from = chunk * cut.chunk;
    const int to = from + cut.chunk < cut.units ? from + cut.chunk : cut.units;
    pool->kernels.run(step, program->image, job->level, threads, from, to, job->input, job->output);
    if (atomic_fetch_add_explicit(&pool->finished, 1, memory_order_acq_rel) + 1 < chunks) continue;
    atomic_store_explicit(&pool->finished, 0, memory_order_relaxed);
    const int next = step_of(at) + 1 < program->count ? step_of(at) + 1 : DONE;
    atomic_store_explicit(&pool->next, cursor_of(job_of(at), (uint64_t)next, 0, 0), memory_order_release);
  }
}

// Waits for a job after `last`; returns its number, or `last` where the pool ends.
static uint64_t wait_for_job(ebb_pool* pool, uint64_t last) {
  for (int yields = 0; yields < YIELDS_BEFORE_SLEEP; yields += 1) {
    for (int i = 0; i < WAITS_BEFORE_YIELD; i += 1) {
      const uint64_t job = job_of(atomic_load_explicit(&pool->next, memory_order_acquire));
      if (job != last || atomic_load(&pool->ending)) return job;
      pause_briefly();
    }
    sched_yield();
  }
  pthread_mutex_lock(&pool->lock);
  pool->sleeping += 1;
  while (job_of(atomic_load(&pool->next)) == last && !atomic_load(&pool->ending)) pthread_cond_wait(&pool->wake, &pool->lock);
  pool->sleeping -= 1;
  pthread_mutex_unlock(&pool->lock);
  return job_of(atomic_load(&pool->next));
}

static void* help(void* argument) {
  helper self = *(helper*)argument;
  free(argument);
  uint64_t last = 0;
  while (!atomic_load(&self.pool->ending)) {
    last = wait_for_job(self.pool, last);
    const int wanted = atomic_load_explicit(&self.pool->wanted, memory_order_acquire);
    if (self.index < wanted) take_part(self.pool, self.index + 1, wanted + 1);
  }
  return NULL;
}

ebb_pool* ebb_pool_create(ebb_kernels kernels) {
  ebb_pool* pool = aligned_alloc(64, (sizeof(ebb_pool) + 63) / 64 * 64);
  if (pool == NULL) return NULL;
  memset(pool, 0, sizeof *pool);
  pool->kernels = kernels;
  atomic_init(&pool->next, cursor_of(0, DONE, 0, 0));
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->wake, NULL);
  return pool;
}

static void start_helpers(ebb_pool* pool, int wanted) {
  while (pool->helpers < wanted && pool->helpers < MOST_HELPERS) {
    helper* argument = malloc(sizeof *argument);
    if (argument == NULL) return;
    *argument = (helper){.pool = pool, .index = pool->helpers};
    if (pthread_create(&pool->threads[pool->helpers], NULL, help, argument) != 0) {
      free(argument);
      return;
    }
    pool->helpers += 1;
  }
}

void ebb_pool_run(ebb_pool* pool, const ebb_job* job, int threads) {
  const ebb_program* program = job->program;
  if (threads <= 1 || program->count >= DONE) {
    for (int i = 0; i < program->count; i += 1) {
      const ebb_step* step = program->steps + i;
      pool->kernels.run(step, program->image, job->level, 1, 0, pool->kernels.cut(step, 1).units, job->input, job->output);
    }
    return;
  }
  start_helpers(pool, threads - 1);
  atomic_store(&pool->program, program);
  pool->job = *job;
  pool->sequence = (pool->sequence + 1) & 0xffffff;
  if (pool->sequence == 0) pool->sequence = 1;
  atomic_store(&pool->finished, 0);
  atomic_store(&pool->wanted, threads - 1);
  pthread_mutex_lock(&pool->lock);
  atomic_store_explicit(&pool->next, cursor_of(pool->sequence, 0, 0, 0), memory_order_release);
  if (pool->sleeping > 0) pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->lock);
  take_part(pool, 0, threads);
}

void ebb_pool_destroy(ebb_pool* pool) {
  pthread_mutex_lock(&pool->lock);
  atomic_store(&pool->ending, 1);
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->lock);
  for (int i = 0; i < pool->helpers; i += 1) pthread_join(pool->threads[i], NULL);
  pthread_cond_destroy(&pool->wake);
  pthread_mutex_destroy(&pool->lock);
  free(pool);
}
