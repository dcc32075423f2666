// The sparse convolution.
#ifndef EBB_CONVOLVE_H
#define EBB_CONVOLVE_H

#include "work.h"

INLINE void finish(const work* work, int channel, int pixel, const floats* sums, const int vectors) {
  const ebb_step* step = work->step;
  const floats scale = splat(work->image[work->table[EBB_SCALE] + channel]);
  const floats bias = splat(work->image[work->table[EBB_BIAS] + channel]);
  float* to = work->image + step->output + (ptrdiff_t)channel * step->output_plane + pixel;
  floats results[EBB_DEPTH];
  UNROLL for (int v = 0; v < vectors; v += 1) results[v] = multiply_add(sums[v], scale, bias);
  if (step->other != EBB_NOWHERE) {
    const float* other = work->image + step->other + (ptrdiff_t)channel * step->other_plane + pixel;
    UNROLL for (int v = 0; v < vectors; v += 1) results[v] += load(other + v * EBB_LANES);
  }
  // Without a branch: nothing is less than minus infinity, and NaN passes through.
  const floats least = splat(step->activation == EBB_RELU ? 0 : -__builtin_inff());
  UNROLL for (int v = 0; v < vectors; v += 1) results[v] = at_least(results[v], least);
  UNROLL for (int v = 0; v < vectors; v += 1) store(to + v * EBB_LANES, results[v]);
  if (step->activation > EBB_RELU) activate(step, to, vectors);
}

// sums + weight * pixels, or where `isFirst` weight * pixels: nothing to set to zero, nothing to add to.
INLINE void add_product(floats* sums, const ebb_nonzero* nonzero, const float* from, const int vectors, const int isFirst) {
  const floats weight = splat(nonzero->weight);
  const float* pixels = from + nonzero->offset;
  UNROLL for (int v = 0; v < vectors; v += 1) {
    const floats values = load(pixels + v * EBB_LANES);
    sums[v] = isFirst ? weight * values : multiply_add(weight, values, sums[v]);
  }
}

// One output channel at a time: every nonzero is multiplied with `vectors` vectors of pixels. Where those are few, `ways` nonzeros are
// summed apart, to hide the latency of a multiply-add.
INLINE void sparse_block(const work* work, int pixel, const int vectors, const int ways) {
  const ebb_nonzero* list = (const ebb_nonzero*)(work->image + work->table[EBB_LIST]);
  const float* from = work->image + work->step->input + pixel;
  for (int channel = work->from; channel < work->to; channel += 1) {
    floats sums[4][EBB_DEPTH];
    UNROLL for (int way = 1; way < ways; way += 1)
      UNROLL for (int v = 0; v < vectors; v += 1) sums[way][v] = splat(0);
    // A level has at least one segment.
    segment segment = segment_of(work, 0);
    const ebb_nonzero* nonzero = list + segment.starts[channel];
    const ebb_nonzero* end = list + segment.ends[channel];
    if (nonzero < end) add_product(sums[0], nonzero++, from, vectors, 1);
    else
      UNROLL for (int v = 0; v < vectors; v += 1) sums[0][v] = splat(0);
    for (int index = 1;; index += 1) {
      for (; nonzero + ways <= end; nonzero += ways)
        UNROLL for (int way = 0; way < ways; way += 1) add_product(sums[way], nonzero + way, from, vectors, 0);
      for (; ways > 1 && nonzero < end; nonzero += 1) add_product(sums[0], nonzero, from, vectors, 0);
      if (index >= work->table[EBB_SEGMENTS]) break;
      segment = segment_of(work, index);
      nonzero = list + segment.starts[channel];
      end = list + segment.ends[channel];
    }
    UNROLL for (int way = 1; way < ways; way += 1)
      UNROLL for (int v = 0; v < vectors; v += 1) sums[0][v] += sums[way][v];
    finish(work, channel, pixel, sums[0], vectors);
  }
}

// Four output channels at a time: every vector of pixels is loaded once for the four.
INLINE void shared_block(const work* work, int pixel, const int vectors) {
  const ebb_block* list = (const ebb_block*)(work->image + work->table[EBB_LIST]);
  const float* from = work->image + work->step->input + pixel;
  for (int channel = work->from; channel < work->to; channel += 4) {
    floats sums[4][EBB_WIDE];
    UNROLL for (int i = 0; i < 4; i += 1)
      UNROLL for (int v = 0; v < vectors; v += 1) sums[i][v] = splat(0);
    for (int index = 0; index < work->table[EBB_SEGMENTS]; index += 1) {
      const segment segment = segment_of(work, index);
      const ebb_block* block = list + segment.starts[channel / 4];
      const ebb_block* end = list + segment.ends[channel / 4];
      for (; block < end; block += 1) {
        const float* pixels = from + block->offset;
        floats values[EBB_WIDE];
        UNROLL for (int v = 0; v < vectors; v += 1) values[v] = load(pixels + v * EBB_LANES);
        UNROLL for (int i = 0; i < 4; i += 1) {
          const floats weight = splat(block->weights[i]);
          UNROLL for (int v = 0; v < vectors; v += 1) sums[i][v] = multiply_add(weight, values[v], sums[i][v]);
        }
      }
    }
    for (int i = 0; i < 4; i += 1) finish(work, channel + i, pixel, sums[i], vectors);
  }
}

// In how many ways a convolution's nonzeros are summed: the more the fewer vectors its blocks have. It follows from the whole plane, so that
// a sum has the same order, and the same last bit, for any number of threads.
INLINE int ways_of(const ebb_step* step) {
  const int vectors = vectors_of(pixels_of(step));
  const int blocks = (vectors + EBB_DEPTH - 1) / EBB_DEPTH;
  const int largest = (vectors + blocks - 1) / blocks;
  return largest <= 2 ? 4 : largest <= 5 ? 2 : 1;
}

// Planes of several ways are too small to be cut: their blocks have no fewer vectors, and no more, than what is here.
static void sparse_blocks(const work* work, int pixel, int vectors) {
  switch (ways_of(work->step) * 32 + vectors) {
#define CASE(ways, n)                   \
  case ways * 32 + n:                   \
    sparse_block(work, pixel, n, ways); \
    break;
    CASE(4, 1) CASE(4, 2) CASE(2, 3) CASE(2, 4) CASE(2, 5)
    CASE(1, 1) CASE(1, 2) CASE(1, 3) CASE(1, 4) CASE(1, 5) CASE(1, 6) CASE(1, 7) CASE(1, 8)
#if EBB_DEPTH > 8
    CASE(1, 9) CASE(1, 10) CASE(1, 11) CASE(1, 12)
#endif
#if EBB_DEPTH > 12
    CASE(1, 13) CASE(1, 14) CASE(1, 15) CASE(1, 16) CASE(1, 17) CASE(1, 18) CASE(1, 19) CASE(1, 20) CASE(1, 21) CASE(1, 22)
    CASE(1, 23) CASE(1, 24)
#endif
#undef CASE
  }
}

static void shared_blocks(const work* work, int pixel, int vectors) {
  switch (vectors) {
#define CASE(n) \
  case n:       \
    shared_block(work, pixel, n); \
    break;
    CASE(1) CASE(2) CASE(3)
#if EBB_WIDE > 3
    CASE(4) CASE(5) CASE(6)
#endif
#undef CASE
  }
}

// Sparse convolution over padded planes (compare SkimCaffe's direct sparse convolution, Park et al., ICLR 2017): an output's pixels lie as
// far apart as its input's, so that a nonzero's input is one distance away for all of them, and borders need no test.
static void convolve(const work* work) {
  const int isShared = work->table[EBB_WIDTH] == 4;
  const int depth = isShared ? EBB_WIDE : EBB_DEPTH;
  const int vectors = work->last - work->first;
  const int blocks = (vectors + depth - 1) / depth;
  for (int block = 0, done = 0; block < blocks; block += 1) {
    const int count = (vectors - done + blocks - block - 1) / (blocks - block);
    const int pixel = (work->first + done) * EBB_LANES;
    if (isShared) shared_blocks(work, pixel, count);
    else sparse_blocks(work, pixel, count);
    done += count;
  }
  for (int channel = work->from; channel < work->to; channel += 1) {
    float* output = work->image + work->step->output + (ptrdiff_t)channel * work->step->output_plane;
    clear_border(work->step, output, work->first, work->last);
  }
}

#endif
