// What every kernel has to do with: its part of a step, borders, activations.
#ifndef EBB_WORK_H
#define EBB_WORK_H

#include "program.h"
#include "vectors.h"

typedef struct {
  const ebb_step* step;
  const int32_t* table;  // of the level
  float* image;
  int from, to;          // channels
  int first, last;       // a convolution's vectors of pixels
} work;

// Pixels of a channel, row by row with what lies between rows; vectors that cover them.
INLINE int pixels_of(const ebb_step* step) { return (step->rows - 1) * step->row + step->columns; }
INLINE int vectors_of(int pixels) { return (pixels + EBB_LANES - 1) / EBB_LANES; }

// Between rows and behind the last pixel, 0 is what the next convolution reads as its padding: in vectors `first` to `last`.
static void clear_border(const ebb_step* step, float* channel, int first, int last) {
  const int between = step->row - step->columns;
  const int pixels = pixels_of(step);
  const int from = first * EBB_LANES;
  const int to = last * EBB_LANES < pixels ? last * EBB_LANES : pixels;
  // The first border whose end lies in the vectors.
  int border = from < step->row ? step->columns : from / step->row * step->row + step->columns;
  for (; border + between <= from; border += step->row) {}
  // The column that "same" 3 x 3 convolutions need.
  if (between == 1)
    for (float* end = channel + border; end < channel + to; end += step->row) *end = 0;
  else
    for (; border < to; border += step->row)
      for (int i = border < from ? from : border; i < border + between && i < to; i += 1) channel[i] = 0;
  for (int i = pixels; i < last * EBB_LANES; i += 1) channel[i] = 0;
}

typedef struct {
  const int32_t* starts;
  const int32_t* ends;
} segment;

INLINE segment segment_of(const work* work, int index) {
  const int32_t* words = (const int32_t*)work->image;
  const int32_t* at = work->table + EBB_SEGMENTS + 1 + 2 * index;
  return (segment){words + at[0], words + at[1]};
}

INLINE floats activated(const ebb_step* step, floats x) {
  switch (step->activation) {
    case EBB_RELU:
      return at_least(x, splat(0));
    case EBB_CLIP:
      return at_most(at_least(x, splat(step->lower)), splat(step->upper));
    case EBB_LEAKY_RELU:
      return choose(x < splat(0), x * splat(step->lower), x);
    case EBB_HARD_SWISH:
      return x * at_most(at_least(x * splat(1.0f / 6.0f) + splat(0.5f), splat(0)), splat(1));
    case EBB_SIGMOID:
      return splat(1) / (splat(1) + exponential(-x));
    default:
      return x;
  }
}

// What the slower activations cost is not paid by the kernels of convolutions: they run over what these have just stored.
static void activate(const ebb_step* step, float* values, int vectors) {
  for (int v = 0; v < vectors; v += 1) store(values + v * EBB_LANES, activated(step, load(values + v * EBB_LANES)));
}

#endif
