// Threads that share the steps of a job. INVARIANTS
// - the cursor alone says what is next: whoever moves it on owns the channels that it passed;
// - the thread that finishes a step's last channel, and no other, moves the cursor to the next step: a step begins when the one before is
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

// Sequence number of the job, step, first channel that nobody has taken.
typedef uint64_t cursor;
static cursor cursor_of(uint64_t job, uint64_t step, uint64_t channel) { return job << 40 | step << 24 | channel; }
static int step_of(cursor at) { return (int)(at >> 24 & 0xffff); }
static int channel_of(cursor at) { return (int)(at & 0xffffff); }
static uint64_t job_of(cursor at) { return at >> 40; }

struct ebb_pool {
  ebb_run_function* run;
  _Atomic(const ebb_program*) program;
  ebb_job job;
  uint64_t sequence;
  _Alignas(64) _Atomic(cursor) next;
  _Alignas(64) atomic_int finished;  // channels of the step
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

// Small steps are not worth sharing.
static int chunk_of(const ebb_step* step, int threads) {
  const int channels = step->channels;
  if (threads == 1 || step->kind == EBB_SOFTMAX) return channels;
  if (step->kind != EBB_CONV && channels * (step->rows * step->columns + step->inputs) < 8192) return channels;
  const int chunk = (channels + 4 * threads - 1) / (4 * threads);
  return (chunk + 3) / 4 * 4;
}

// Takes part in the job until it is done.
static void take_part(ebb_pool* pool, int threads) {
  int waits = 0;
  for (;;) {
    cursor at = atomic_load_explicit(&pool->next, memory_order_acquire);
    if (step_of(at) == DONE) return;
    const ebb_program* program = atomic_load_explicit(&pool->program, memory_order_acquire);
    if (step_of(at) >= program->count) continue;
    const ebb_step* step = program->steps + step_of(at);
    const int from = channel_of(at);
    if (from >= step->channels) {
      // Others compute the last of this step.
      if (++waits % WAITS_BEFORE_YIELD == 0) sched_yield();
      else pause_briefly();
      continue;
    }
    const int chunk = chunk_of(step, threads);
    const int to = from + chunk < step->channels ? from + chunk : step->channels;
    const cursor after = cursor_of(job_of(at), (uint64_t)step_of(at), (uint64_t)to);
    if (!atomic_compare_exchange_weak_explicit(&pool->next, &at, after, memory_order_acq_rel, memory_order_relaxed)) continue;
    waits = 0;
    const ebb_job* job = &pool->job;
    pool->run(step, program->image, job->level, from, to, job->input, job->output);
    const int finished = atomic_fetch_add_explicit(&pool->finished, to - from, memory_order_acq_rel) + to - from;
    if (finished < step->channels) continue;
    atomic_store_explicit(&pool->finished, 0, memory_order_relaxed);
    const int next = step_of(at) + 1 < program->count ? step_of(at) + 1 : DONE;
    atomic_store_explicit(&pool->next, cursor_of(job_of(at), (uint64_t)next, 0), memory_order_release);
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
    if (self.index < wanted) take_part(self.pool, wanted + 1);
  }
  return NULL;
}

ebb_pool* ebb_pool_create(ebb_run_function* run) {
  ebb_pool* pool = aligned_alloc(64, (sizeof(ebb_pool) + 63) / 64 * 64);
  if (pool == NULL) return NULL;
  memset(pool, 0, sizeof *pool);
  pool->run = run;
  atomic_init(&pool->next, cursor_of(0, DONE, 0));
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
    for (int i = 0; i < program->count; i += 1)
      pool->run(program->steps + i, program->image, job->level, 0, program->steps[i].channels, job->input, job->output);
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
  atomic_store_explicit(&pool->next, cursor_of(pool->sequence, 0, 0), memory_order_release);
  if (pool->sleeping > 0) pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->lock);
  take_part(pool, threads);
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
