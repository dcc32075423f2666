// The program that plan/ writes and the kernels run. All places are indices of 4-byte words from the image's beginning.
#ifndef EBB_PROGRAM_H
#define EBB_PROGRAM_H

#include <stdint.h>

// Changes with what a program means: kernels of another version must not run it. plan/step-words.ts has the same number.
enum { EBB_PROGRAM_VERSION = 2 };

enum ebb_kind {
  EBB_CONV = 1,    // sparse convolution on padded planes
  EBB_DENSE,       // matrix by vector
  EBB_MAP,         // elementwise: activation(scale * a + bias + b)
  EBB_COPY,        // strided copy: padding, transposition, concatenation, a phase alone
  EBB_MAX_POOL,
  EBB_AVERAGE_POOL,
  EBB_MEAN,        // of each channel
  EBB_SOFTMAX,     // over channels
  EBB_HALVES,      // two phases at once: even columns to `output`, odd ones to `other`
};

enum ebb_activation {
  EBB_NONE = 0,
  EBB_RELU,
  EBB_CLIP,        // to lower and upper
  EBB_LEAKY_RELU,  // lower is the slope
  EBB_HARD_SWISH,
  EBB_SIGMOID,
};

enum { EBB_INPUT = -2, EBB_OUTPUT = -3, EBB_NOWHERE = -1 };

// A level's words in a convolution's or dense step's table.
enum ebb_product_table {
  EBB_WIDTH,     // channels that share a list, 1 or 4; of a dense step 0 where rows are whole
  EBB_LIST,      // nonzeros, blocks or whole rows
  EBB_SCALE,     // of each channel
  EBB_BIAS,
  EBB_SEGMENTS,  // how many parts of the list the level reads; then, for each, where these words are: every row's first element, and one
                 // behind its last
};

enum ebb_map_table { EBB_MAP_SCALE, EBB_MAP_BIAS };

// One element of a convolution's list: the weight, and how far its input lies from the output's pixel.
typedef struct {
  float weight;
  int32_t offset;
} ebb_nonzero;

// Four output channels that share a mask.
typedef struct {
  float weights[4];
  int32_t offset;
} ebb_block;

typedef struct {
  int32_t kind;
  // Where a value's first pixel (or feature) lies, and words from one channel's to the next's.
  int32_t input, input_plane;
  int32_t other, other_plane;  // what is added; EBB_NOWHERE where nothing is
  int32_t output, output_plane;
  // The output's channels, and its pixels as `rows` of `columns`, `row` words apart.
  int32_t channels, rows, columns, row;
  int32_t activation;
  float lower, upper;
  // The first level's table, and words from one level's to the next's.
  int32_t table, table_words;
  // Dense: features. Others: the input's pixels.
  int32_t inputs, input_rows, input_columns, input_row, input_column;
  // Pools.
  int32_t kernel_rows, kernel_columns, stride_rows, stride_columns, dilation_rows, dilation_columns;
  int32_t pad_top, pad_left, pad_bottom, pad_right, count_pads;
} ebb_step;

#endif
