// The kernels as a WebAssembly module without imports: whoever instantiates it writes image and input into its memory, from `__heap_base` on.
#include "kernels.h"

__attribute__((export_name("run"))) void run(float* image, const ebb_step* steps, int count, int level, const float* input, float* output) {
  for (int i = 0; i < count; i += 1) EBB_RUN(steps + i, image, level, 1, 0, EBB_CUT(steps + i, 1).units, input, output);
}

__attribute__((export_name("peak"))) int peak(int rounds, float* sink) { return EBB_PEAK(rounds, sink); }
