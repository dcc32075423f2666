// What a pool needs of threads: threads-posix.c has it for the addon, threads-wasm.c for WebAssembly. Who starts them is not the pool's affair.
#ifndef EBB_THREADS_H
#define EBB_THREADS_H

#include <stdatomic.h>
#include <stdint.h>

#ifdef __wasm__
// Every word can be slept on.
typedef char ebb_bed;
// A fence takes some 10 ns: a tenth of a millisecond in all.
enum { EBB_PAUSES_BEFORE_SLEEP = 8192 };
#else
#include <pthread.h>
typedef struct {
  pthread_mutex_t lock;
  pthread_cond_t changed;
} ebb_bed;
enum { EBB_PAUSES_BEFORE_SLEEP = 16384 };
#endif

// Where the threads of one pool sleep.
void ebb_bed_init(ebb_bed* bed);
void ebb_bed_destroy(ebb_bed* bed);
// Waits a moment, the `count`th in a row, awake.
void ebb_pause(int count);
// Sleeps until the word is no longer what was seen; may return before.
void ebb_sleep(ebb_bed* bed, _Atomic(uint64_t)* word, uint64_t seen);
// Wakes all who sleep on the word, which has just changed.
void ebb_wake(ebb_bed* bed, _Atomic(uint64_t)* word);

#endif
