#define _GNU_SOURCE
#include <sched.h>

#include "threads.h"

enum { PAUSES_BEFORE_YIELD = 256 };

void ebb_bed_init(ebb_bed* bed) {
  pthread_mutex_init(&bed->lock, NULL);
  pthread_cond_init(&bed->changed, NULL);
}

void ebb_bed_destroy(ebb_bed* bed) {
  pthread_cond_destroy(&bed->changed);
  pthread_mutex_destroy(&bed->lock);
}

void ebb_pause(int count) {
  if (count % PAUSES_BEFORE_YIELD == 0) {
    sched_yield();
    return;
  }
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

void ebb_sleep(ebb_bed* bed, _Atomic(uint64_t)* word, uint64_t seen) {
  pthread_mutex_lock(&bed->lock);
  if (atomic_load(word) == seen) pthread_cond_wait(&bed->changed, &bed->lock);
  pthread_mutex_unlock(&bed->lock);
}

void ebb_wake(ebb_bed* bed, _Atomic(uint64_t)* word) {
  (void)word;
  pthread_mutex_lock(&bed->lock);
  pthread_cond_broadcast(&bed->changed);
  pthread_mutex_unlock(&bed->lock);
}
