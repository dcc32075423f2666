// Threads that share the steps of a job. INVARIANTS
// - the cursor alone says what is next: whoever moves it on owns the chunks that it passed;
// - the thread that finishes a step's last chunk, and no other, moves the cursor to the next step: a step begins when the one before is
//   whole;
// - the cursor says, too, that a job is over; the next one is written after that alone. A thread that was held up with an old cursor can
//   take nothing by it, and until it has taken something it reads the program, which does not change, and for how many threads the job is
//   cut: were that the next job's, the cursor would have moved on;
// - a thread without work sleeps after a moment of waiting, and one that the job is not cut for until that changes;
// - any number of helpers may take part, none too: all chunks are there for whoever comes.
#include "pool.h"

enum { DONE = 0xffff };

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

// Who sleeps has said so before it looks at the cursor a last time, and who moves the cursor asks for sleepers after that: one of the two
// sees the other.
static void move_to(ebb_pool* pool, cursor next) {
  atomic_store(&pool->next, next);
  if (atomic_load(&pool->sleeping) > 0) ebb_wake(&pool->bed, &pool->next);
}

static void wait_to_move(ebb_pool* pool, cursor seen, int count) {
  if (count < EBB_PAUSES_BEFORE_SLEEP) {
    ebb_pause(count);
    return;
  }
  atomic_fetch_add(&pool->sleeping, 1);
  ebb_sleep(&pool->bed, &pool->next, seen);
  atomic_fetch_sub(&pool->sleeping, 1);
}

// Takes part in the job until it is done.
static void take_part(ebb_pool* pool, int index) {
  cursor last = 0;
  for (int waits = 0;;) {
    cursor at = atomic_load_explicit(&pool->next, memory_order_acquire);
    if (step_of(at) == DONE) return;
    const ebb_program* program = atomic_load_explicit(&pool->program, memory_order_acquire);
    const int threads = (int)atomic_load_explicit(&pool->threads, memory_order_acquire);
    if (step_of(at) >= program->count) continue;
    const ebb_step* step = program->steps + step_of(at);
    const ebb_cut cut = pool->kernels.cut(step, threads);
    const int chunks = (cut.units + cut.chunk - 1) / cut.chunk;
    const int low = low_of(at), high = high_of(at);
    if (low + high >= chunks) {
      // Others compute the last of this step.
      waits = at == last ? waits + 1 : 1;
      last = at;
      wait_to_move(pool, at, waits);
      continue;
    }
    const int isLow = index % 2 == 0;
    const int chunk = isLow ? low : chunks - 1 - high;
    const cursor after = cursor_of(job_of(at), (uint64_t)step_of(at), (uint64_t)(low + isLow), (uint64_t)(high + !isLow));
    if (!atomic_compare_exchange_weak_explicit(&pool->next, &at, after, memory_order_acq_rel, memory_order_relaxed)) continue;
    const ebb_job* job = &pool->job;
    const int from = chunk * cut.chunk;
    const int to = from + cut.chunk < cut.units ? from + cut.chunk : cut.units;
    pool->kernels.run(step, program->image, job->level, threads, from, to, job->input, job->output);
    if (atomic_fetch_add_explicit(&pool->finished, 1, memory_order_acq_rel) + 1 < chunks) continue;
    atomic_store_explicit(&pool->finished, 0, memory_order_relaxed);
    const int next = step_of(at) + 1 < program->count ? step_of(at) + 1 : DONE;
    move_to(pool, cursor_of(job_of(at), (uint64_t)next, 0, 0));
  }
}

// Waits for a job after `last`; returns its number.
static uint64_t wait_for_job(ebb_pool* pool, uint64_t last) {
  for (int waits = 1;; waits += 1) {
    const cursor at = atomic_load_explicit(&pool->next, memory_order_acquire);
    if (job_of(at) != last) return job_of(at);
    wait_to_move(pool, at, waits);
  }
}

void ebb_pool_help(ebb_pool* pool, int index) {
  uint64_t last = 0;
  atomic_fetch_add(&pool->helpers, 1);
  for (;;) {
    // In this order: who ends the pool says so first and changes the threads last.
    const uint64_t threads = atomic_load(&pool->threads);
    if (atomic_load(&pool->ending)) break;
    if ((uint64_t)index + 1 >= threads) {
      atomic_fetch_add(&pool->resting, 1);
      ebb_sleep(&pool->bed, &pool->threads, threads);
      atomic_fetch_sub(&pool->resting, 1);
      continue;
    }
    last = wait_for_job(pool, last);
    if ((uint64_t)index + 1 < atomic_load(&pool->threads)) take_part(pool, index + 1);
  }
  atomic_fetch_sub(&pool->helpers, 1);
}

static void cut_for(ebb_pool* pool, uint64_t threads) {
  if (atomic_load(&pool->threads) == threads) return;
  atomic_store(&pool->threads, threads);
  if (atomic_load(&pool->resting) > 0) ebb_wake(&pool->bed, &pool->threads);
}

static uint64_t next_sequence(ebb_pool* pool) {
  pool->sequence = (pool->sequence + 1) & 0xffffff;
  if (pool->sequence == 0) pool->sequence = 1;
  return pool->sequence;
}

void ebb_pool_init(ebb_pool* pool, ebb_kernels kernels) {
  *pool = (ebb_pool){.kernels = kernels};
  atomic_init(&pool->next, cursor_of(0, DONE, 0, 0));
  atomic_init(&pool->threads, 1);
  ebb_bed_init(&pool->bed);
}

int ebb_pool_run(ebb_pool* pool, const ebb_job* job, int threads) {
  const ebb_program* program = job->program;
  if (threads <= 1 || program->count == 0 || program->count >= DONE) {
    for (int i = 0; i < program->count; i += 1) {
      const ebb_step* step = program->steps + i;
      pool->kernels.run(step, program->image, job->level, 1, 0, pool->kernels.cut(step, 1).units, job->input, job->output);
    }
    return 1;
  }
  atomic_store(&pool->program, program);
  pool->job = *job;
  atomic_store(&pool->finished, 0);
  cut_for(pool, (uint64_t)threads);
  move_to(pool, cursor_of(next_sequence(pool), 0, 0, 0));
  take_part(pool, 0);
  return !atomic_load(&pool->failed);
}

void ebb_pool_fail(ebb_pool* pool) {
  atomic_store(&pool->failed, 1);
  // The chunk that was not finished keeps all others from moving the cursor on.
  move_to(pool, cursor_of(job_of(atomic_load(&pool->next)), DONE, 0, 0));
}

void ebb_pool_end(ebb_pool* pool) {
  atomic_store(&pool->ending, 1);
  // A job that is over, for no thread, as none was before: whoever sleeps sees a change.
  move_to(pool, cursor_of(next_sequence(pool), DONE, 0, 0));
  cut_for(pool, 0);
}

void ebb_pool_destroy(ebb_pool* pool) { ebb_bed_destroy(&pool->bed); }

int ebb_pool_helpers(ebb_pool* pool) { return atomic_load(&pool->helpers); }
int ebb_pool_sleepers(ebb_pool* pool) { return atomic_load(&pool->sleeping) + atomic_load(&pool->resting); }
