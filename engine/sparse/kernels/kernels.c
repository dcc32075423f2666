// All kernels, in C with vector extensions (GCC and Clang). Compiled once for each instruction set, with EBB_LANES float32 a vector.
#include "kernels.h"

#include <stddef.h>

#ifndef EBB_LANES
#define EBB_LANES 4
#endif
// Vectors that a channel accumulates at once: as many as registers hold beside the weight.
#ifndef EBB_DEPTH
#define EBB_DEPTH 12
#endif
#define EBB_WIDE (EBB_DEPTH / 4)

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 24")

typedef float floats __attribute__((vector_size(4 * EBB_LANES)));
typedef int32_t ints __attribute__((vector_size(4 * EBB_LANES)));
typedef float unaligned_floats __attribute__((vector_size(4 * EBB_LANES), aligned(4), may_alias));

INLINE floats load(const float* from) { return *(const unaligned_floats*)from; }
INLINE void store(float* to, floats values) { *(unaligned_floats*)to = values; }
INLINE floats splat(float value) { return value - (floats){0}; }
INLINE floats choose(ints mask, floats yes, floats no) {
  return (floats)((mask & (ints)yes) | (~mask & (ints)no));
}
// A comparison with NaN is false: what is chosen by one passes NaN through.
INLINE floats at_least(floats values, floats lower) { return choose(values < lower, lower, values); }
INLINE floats at_most(floats values, floats upper) { return choose(values > upper, upper, values); }

#ifdef __wasm_relaxed_simd__
#include <wasm_simd128.h>
INLINE floats multiply_add(floats a, floats b, floats sum) {
  return (floats)wasm_f32x4_relaxed_madd((v128_t)a, (v128_t)b, (v128_t)sum);
}
#else
INLINE floats multiply_add(floats a, floats b, floats sum) { return a * b + sum; }
#endif

// exp by 2^k * e^r with |r| <= ln 2 / 2 (Cephes, expf); 2 units in the last place.
INLINE floats exponential(floats x) {
  const floats bounded = at_most(at_least(x, splat(-87.3f)), splat(88.3f));
  const floats shifted = bounded * splat(1.44269504f) + splat(12582912.0f);
  const floats k = shifted - splat(12582912.0f);
  const floats r = bounded - k * splat(0.693359375f) - k * splat(-2.12194440e-4f);
  floats p = splat(1.9875691500e-4f);
  p = p * r + splat(1.3981999507e-3f);
  p = p * r + splat(8.3334519073e-3f);
  p = p * r + splat(4.1665795894e-2f);
  p = p * r + splat(1.6666665459e-1f);
  p = p * r + splat(5.0000001201e-1f);
  p = p * r * r + r + splat(1.0f);
  const ints exponent = ((ints)shifted - (ints)splat(12582912.0f)) << 23;
  const floats value = (floats)((ints)p + exponent);
  const floats finite = choose(x > splat(88.3f), splat(__builtin_inff()), choose(x < splat(-87.3f), splat(0), value));
  return choose(x == x, finite, x);
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

typedef struct {
  const ebb_step* step;
  const int32_t* table;  // of the level
  float* image;
  int from, to;          // channels
} work;

// Pixels of a channel, row by row with what lies between rows; vectors that cover them.
INLINE int pixels_of(const ebb_step* step) { return (step->rows - 1) * step->row + step->columns; }
INLINE int vectors_of(int pixels) { return (pixels + EBB_LANES - 1) / EBB_LANES; }

// Between rows and behind the last pixel, 0 is what the next convolution reads as its padding.
static void clear_border(const ebb_step* step, float* channel) {
  const int between = step->row - step->columns;
  const int pixels = pixels_of(step);
  // The column that "same" 3 x 3 convolutions need.
  if (between == 1)
    for (float* end = channel + step->columns; end < channel + pixels; end += step->row) *end = 0;
  else
    for (int row = 0; row + 1 < step->rows; row += 1)
      for (int i = 0; i < between; i += 1) channel[row * step->row + step->columns + i] = 0;
  for (int i = pixels; i < vectors_of(pixels) * EBB_LANES; i += 1) channel[i] = 0;
}

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
  if (step->activation == EBB_RELU)
    UNROLL for (int v = 0; v < vectors; v += 1) results[v] = at_least(results[v], splat(0));
  UNROLL for (int v = 0; v < vectors; v += 1) store(to + v * EBB_LANES, results[v]);
  if (step->activation > EBB_RELU) activate(step, to, vectors);
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

// One output channel at a time: every nonzero is multiplied with `vectors` vectors of pixels. Where those are few, `ways` nonzeros are
// summed apart, to hide the latency of a multiply-add.
INLINE void sparse_block(const work* work, int pixel, const int vectors, const int ways) {
  const ebb_nonzero* list = (const ebb_nonzero*)(work->image + work->table[EBB_LIST]);
  const float* from = work->image + work->step->input + pixel;
  for (int channel = work->from; channel < work->to; channel += 1) {
    floats sums[4][EBB_DEPTH];
    UNROLL for (int way = 0; way < ways; way += 1)
      UNROLL for (int v = 0; v < vectors; v += 1) sums[way][v] = splat(0);
    for (int index = 0; index < work->table[EBB_SEGMENTS]; index += 1) {
      const segment segment = segment_of(work, index);
      const ebb_nonzero* nonzero = list + segment.starts[channel];
      const ebb_nonzero* end = list + segment.ends[channel];
      for (; nonzero + ways <= end; nonzero += ways)
        UNROLL for (int way = 0; way < ways; way += 1) {
          const floats weight = splat(nonzero[way].weight);
          const float* pixels = from + nonzero[way].offset;
          UNROLL for (int v = 0; v < vectors; v += 1)
            sums[way][v] = multiply_add(weight, load(pixels + v * EBB_LANES), sums[way][v]);
        }
      for (; ways > 1 && nonzero < end; nonzero += 1) {
        const floats weight = splat(nonzero->weight);
        const float* pixels = from + nonzero->offset;
        UNROLL for (int v = 0; v < vectors; v += 1)
          sums[0][v] = multiply_add(weight, load(pixels + v * EBB_LANES), sums[0][v]);
      }
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

static void sparse_blocks(const work* work, int pixel, int vectors) {
  switch (vectors) {
#define CASE(n) \
  case n:       \
    sparse_block(work, pixel, n, n <= 2 ? 4 : n <= 5 ? 2 : 1); \
    break;
    CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
#if EBB_DEPTH > 12
    CASE(13) CASE(14) CASE(15) CASE(16) CASE(17) CASE(18) CASE(19) CASE(20) CASE(21) CASE(22) CASE(23) CASE(24)
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
  const int vectors = vectors_of(pixels_of(work->step));
  const int blocks = (vectors + depth - 1) / depth;
  for (int block = 0, done = 0; block < blocks; block += 1) {
    const int count = (vectors - done + blocks - block - 1) / (blocks - block);
    if (isShared) shared_blocks(work, done * EBB_LANES, count);
    else sparse_blocks(work, done * EBB_LANES, count);
    done += count;
  }
  for (int channel = work->from; channel < work->to; channel += 1)
    clear_border(work->step, work->image + work->step->output + (ptrdiff_t)channel * work->step->output_plane);
}

// Matrix by vector: each row's nonzeros, or the whole row.
static void multiply(const work* work) {
  const ebb_step* step = work->step;
  const float* x = work->image + step->input;
  float* y = work->image + step->output;
  for (int o = work->from; o < work->to; o += 1) {
    float sum = 0;
    if (work->table[EBB_WIDTH] == 0) {
      const float* row = work->image + work->table[EBB_LIST] + (ptrdiff_t)o * step->inputs;
      floats sums[2] = {splat(0), splat(0)};
      int i = 0;
      for (; i + 2 * EBB_LANES <= step->inputs; i += 2 * EBB_LANES)
        UNROLL for (int k = 0; k < 2; k += 1)
          sums[k] = multiply_add(load(row + i + k * EBB_LANES), load(x + i + k * EBB_LANES), sums[k]);
      sums[0] += sums[1];
      for (int lane = 0; lane < EBB_LANES; lane += 1) sum += sums[0][lane];
      for (; i < step->inputs; i += 1) sum += row[i] * x[i];
    } else {
      const ebb_nonzero* list = (const ebb_nonzero*)(work->image + work->table[EBB_LIST]);
      float sums[4] = {0, 0, 0, 0};
      for (int index = 0; index < work->table[EBB_SEGMENTS]; index += 1) {
        const segment segment = segment_of(work, index);
        const ebb_nonzero* nonzero = list + segment.starts[o];
        const ebb_nonzero* end = list + segment.ends[o];
        for (; nonzero + 4 <= end; nonzero += 4)
          UNROLL for (int k = 0; k < 4; k += 1) sums[k] += nonzero[k].weight * x[nonzero[k].offset];
        for (; nonzero < end; nonzero += 1) sums[0] += nonzero->weight * x[nonzero->offset];
      }
      sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    }
    sum = sum * work->image[work->table[EBB_SCALE] + o] + work->image[work->table[EBB_BIAS] + o];
    if (step->other != EBB_NOWHERE) sum += work->image[step->other + o];
    y[o] = activated(step, splat(sum))[0];
  }
}

static void map(const work* work) {
  const ebb_step* step = work->step;
  const int pixels = pixels_of(step);
  for (int channel = work->from; channel < work->to; channel += 1) {
    const float* from = work->image + step->input + (ptrdiff_t)channel * step->input_plane;
    const float* other = work->image + step->other + (ptrdiff_t)channel * step->other_plane;
    float* to = work->image + step->output + (ptrdiff_t)channel * step->output_plane;
    const floats scale = splat(work->image[work->table[EBB_MAP_SCALE] + channel]);
    const floats bias = splat(work->image[work->table[EBB_MAP_BIAS] + channel]);
    if (step->output_plane == 1) {
      // A vector's numbers stand side by side: no room for more than one.
      const float other_value = step->other != EBB_NOWHERE ? *other : 0;
      *to = activated(step, splat(*from) * scale + bias + splat(other_value))[0];
      continue;
    }
    for (int i = 0; i < pixels; i += EBB_LANES) {
      floats x = load(from + i) * scale + bias;
      if (step->other != EBB_NOWHERE) x += load(other + i);
      store(to + i, activated(step, x));
    }
    clear_border(step, to);
  }
}

// Every second number of two vectors.
INLINE floats every_second(floats low, floats high) {
#if EBB_LANES == 4
  return __builtin_shufflevector(low, high, 0, 2, 4, 6);
#elif EBB_LANES == 8
  return __builtin_shufflevector(low, high, 0, 2, 4, 6, 8, 10, 12, 14);
#else
  return __builtin_shufflevector(low, high, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
#endif
}

// At a distance of 2 one number beyond the last is read: planes are followed by borders, and the net's input is never read so.
static void copy_row(float* to, const float* from, int columns, int distance) {
  if (distance == 1) {
    __builtin_memcpy(to, from, sizeof(float) * (size_t)columns);
    return;
  }
  int column = 0;
  if (distance == 2)
    for (; column + EBB_LANES <= columns; column += EBB_LANES)
      store(to + column, every_second(load(from + 2 * column), load(from + 2 * column + EBB_LANES)));
  for (; column < columns; column += 1) to[column] = from[(ptrdiff_t)column * distance];
}

static void copy(const work* work, const float* input, float* output) {
  const ebb_step* step = work->step;
  const float* source = step->input == EBB_INPUT ? input : work->image + step->input;
  float* target = step->output == EBB_OUTPUT ? output : work->image + step->output;
  for (int channel = work->from; channel < work->to; channel += 1)
    for (int row = 0; row < step->rows; row += 1) {
      const float* from = source + (ptrdiff_t)channel * step->input_plane + (ptrdiff_t)row * step->input_row;
      float* to = target + (ptrdiff_t)channel * step->output_plane + (ptrdiff_t)row * step->row;
      copy_row(to, from, step->columns, step->input_column);
    }
}

static void pool(const work* work) {
  const ebb_step* step = work->step;
  const int isMax = step->kind == EBB_MAX_POOL;
  for (int channel = work->from; channel < work->to; channel += 1) {
    const float* from = work->image + step->input + (ptrdiff_t)channel * step->input_plane;
    float* to = work->image + step->output + (ptrdiff_t)channel * step->output_plane;
    for (int row = 0; row < step->rows; row += 1)
      for (int column = 0; column < step->columns; column += 1) {
        const int top = row * step->stride_rows - step->pad_top;
        const int left = column * step->stride_columns - step->pad_left;
        float result = isMax ? -__builtin_inff() : 0;
        int count = 0;
        for (int i = 0; i < step->kernel_rows; i += 1)
          for (int j = 0; j < step->kernel_columns; j += 1) {
            const int y = top + i * step->dilation_rows;
            const int x = left + j * step->dilation_columns;
            // Windows that reach beyond the padding (ceil_mode) do not count what lies there.
            count += y < step->input_rows + step->pad_bottom && x < step->input_columns + step->pad_right &&
                     (step->count_pads || (y >= 0 && x >= 0 && y < step->input_rows && x < step->input_columns));
            if (y < 0 || x < 0 || y >= step->input_rows || x >= step->input_columns) continue;
            const float value = from[y * step->input_row + x];
            if (!isMax) result += value;
            else if (value > result || value != value) result = value;
          }
        to[row * step->row + column] = isMax ? result : result / (float)count;
      }
    clear_border(step, to);
  }
}

static void mean(const work* work) {
  const ebb_step* step = work->step;
  for (int channel = work->from; channel < work->to; channel += 1) {
    const float* from = work->image + step->input + (ptrdiff_t)channel * step->input_plane;
    // Borders are 0: whole vectors may run over them.
    const int pixels = (step->input_rows - 1) * step->input_row + step->input_columns;
    floats sums = splat(0);
    for (int i = 0; i < pixels; i += EBB_LANES) sums += load(from + i);
    float sum = 0;
    for (int lane = 0; lane < EBB_LANES; lane += 1) sum += sums[lane];
    work->image[step->output + (ptrdiff_t)channel * step->output_plane] =
        sum / (float)(step->input_rows * step->input_columns);
  }
}

// Over channels, for each pixel; one thread does all.
static void softmax(const work* work) {
  const ebb_step* step = work->step;
  for (int row = 0; row < step->rows; row += 1)
    for (int column = 0; column < step->columns; column += 1) {
      const float* from = work->image + step->input + row * step->row + column;
      float* to = work->image + step->output + row * step->row + column;
      float largest = -__builtin_inff();
      for (int c = 0; c < step->channels; c += 1) {
        const float value = from[(ptrdiff_t)c * step->input_plane];
        if (value > largest || value != value) largest = value;
      }
      float sum = 0;
      for (int c = 0; c < step->channels; c += 1) {
        const float value = exponential(splat(from[(ptrdiff_t)c * step->input_plane] - largest))[0];
        to[(ptrdiff_t)c * step->output_plane] = value;
        sum += value;
      }
      for (int c = 0; c < step->channels; c += 1) to[(ptrdiff_t)c * step->output_plane] /= sum;
    }
}

void EBB_RUN(const ebb_step* step, float* image, int level, int from, int to, const float* input, float* output) {
  const work work = {
      .step = step,
      .table = (const int32_t*)image + step->table + (ptrdiff_t)level * step->table_words,
      .image = image,
      .from = from,
      .to = to,
  };
  switch (step->kind) {
    case EBB_CONV:
      convolve(&work);
      break;
    case EBB_DENSE:
      multiply(&work);
      break;
    case EBB_MAP:
      map(&work);
      break;
    case EBB_COPY:
      copy(&work, input, output);
      break;
    case EBB_MAX_POOL:
    case EBB_AVERAGE_POOL:
      pool(&work);
      break;
    case EBB_MEAN:
      mean(&work);
      break;
    case EBB_SOFTMAX:
      softmax(&work);
      break;
  }
}

int EBB_PEAK(int rounds, float* sink) {
  floats sums[EBB_DEPTH];
  const floats factor = splat(*sink);
  UNROLL for (int v = 0; v < EBB_DEPTH; v += 1) sums[v] = splat((float)v);
  for (int round = 0; round < rounds; round += 1)
    UNROLL for (int v = 0; v < EBB_DEPTH; v += 1) sums[v] = multiply_add(sums[v], factor, factor);
  UNROLL for (int v = 1; v < EBB_DEPTH; v += 1) sums[0] += sums[v];
  *sink = sums[0][0];
  return EBB_DEPTH * EBB_LANES;
}
