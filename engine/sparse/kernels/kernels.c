// All kernels, in C with vector extensions (GCC and Clang). Compiled once for each instruction set, with EBB_LANES float32 a vector.
#include "kernels.h"

#include "convolve.h"
#include "work.h"

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
    clear_border(step, to, 0, vectors_of(pixels));
  }
}

// Of two vectors the numbers at even places, and those at odd ones.
#if EBB_LANES == 4
#define EVEN 0, 2, 4, 6
#define ODD 1, 3, 5, 7
#elif EBB_LANES == 8
#define EVEN 0, 2, 4, 6, 8, 10, 12, 14
#define ODD 1, 3, 5, 7, 9, 11, 13, 15
#else
#define EVEN 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define ODD 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#endif
INLINE floats even_of(floats low, floats high) { return __builtin_shufflevector(low, high, EVEN); }
INLINE floats odd_of(floats low, floats high) { return __builtin_shufflevector(low, high, ODD); }

static void halve_row(float* even, float* odd, const float* from, int columns) {
  int column = 0;
  for (; column + EBB_LANES <= columns / 2; column += EBB_LANES) {
    const floats low = load(from + 2 * column), high = load(from + 2 * column + EBB_LANES);
    store(even + column, even_of(low, high));
    store(odd + column, odd_of(low, high));
  }
  for (; column < columns / 2; column += 1) {
    even[column] = from[2 * column];
    odd[column] = from[2 * column + 1];
  }
  if (columns % 2 != 0) even[column] = from[2 * column];
}

static void halve(const work* work) {
  const ebb_step* step = work->step;
  for (int channel = work->from; channel < work->to; channel += 1)
    for (int row = 0; row < step->rows; row += 1) {
      const float* from = work->image + step->input + (ptrdiff_t)channel * step->input_plane + (ptrdiff_t)row * step->input_row;
      const ptrdiff_t to = (ptrdiff_t)channel * step->output_plane + (ptrdiff_t)row * step->row;
      halve_row(work->image + step->output + to, work->image + step->other + to, from, step->input_columns);
    }
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
      store(to + column, even_of(load(from + 2 * column), load(from + 2 * column + EBB_LANES)));
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
    clear_border(step, to, 0, vectors_of(pixels_of(step)));
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

// Convolutions over large planes are cut by pixels: layer after layer a thread reads mostly what it wrote itself. The others by channels.
static int cuts_pixels(const ebb_step* step, int threads) {
  return step->kind == EBB_CONV && vectors_of(pixels_of(step)) >= 8 * threads;
}

// One part a thread: what it costs to hand over a second one is more than what it would even out.
ebb_cut EBB_CUT(const ebb_step* step, int threads) {
  if (cuts_pixels(step, threads)) {
    const int vectors = vectors_of(pixels_of(step));
    return (ebb_cut){vectors, (vectors + threads - 1) / threads};
  }
  const int channels = step->channels;
  const int isSmall = step->kind != EBB_CONV && channels * (step->rows * step->columns + step->inputs) < 8192;
  if (step->kind == EBB_SOFTMAX || isSmall) return (ebb_cut){channels, channels};
  // Fours share their loads.
  return (ebb_cut){channels, ((channels + threads - 1) / threads + 3) / 4 * 4};
}

void EBB_RUN(const ebb_step* step, float* image, int level, int threads, int from, int to, const float* input, float* output) {
  const int pixels = cuts_pixels(step, threads);
  const work work = {
      .step = step,
      .table = (const int32_t*)image + step->table + (ptrdiff_t)level * step->table_words,
      .image = image,
      .from = pixels ? 0 : from,
      .to = pixels ? step->channels : to,
      .first = pixels ? from : 0,
      .last = pixels ? to : vectors_of(pixels_of(step)),
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
    case EBB_HALVES:
      halve(&work);
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
