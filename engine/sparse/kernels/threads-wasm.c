// WebAssembly threads proposal: memory.atomic.wait64 and notify.
#include "threads.h"

void ebb_bed_init(ebb_bed* bed) { (void)bed; }
void ebb_bed_destroy(ebb_bed* bed) { (void)bed; }

void ebb_pause(int count) {
  (void)count;
  // WebAssembly has no instruction for it.
  atomic_thread_fence(memory_order_seq_cst);
}

void ebb_sleep(ebb_bed* bed, _Atomic(uint64_t)* word, uint64_t seen) {
  (void)bed;
  __builtin_wasm_memory_atomic_wait64((long long*)word, (long long)seen, -1);
}

void ebb_wake(ebb_bed* bed, _Atomic(uint64_t)* word) {
  (void)bed;
  __builtin_wasm_memory_atomic_notify((int*)word, -1);
}
