// The kernels as a Node-API addon: `open(image)`, `run(...)`, `close(engine)`, `trim()`, `instructions`, `program`.
#include <node_api.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "crew.h"

#define VARIANT(set)                     \
  ebb_cut_function ebb_cut_##set; \
  ebb_run_function ebb_run_##set; \
  ebb_peak_function ebb_peak_##set;
#define ENTRY(set) {#set, {ebb_cut_##set, ebb_run_##set}, ebb_peak_##set}

#if defined(__x86_64__)
VARIANT(avx512)
VARIANT(avx2)
VARIANT(sse2)
#elif defined(__aarch64__)
VARIANT(neon)
#else
VARIANT(baseline)
#endif

static const struct {
  const char* name;
  ebb_kernels kernels;
  ebb_peak_function* peak;
} variants[] = {
#if defined(__x86_64__)
    ENTRY(avx512), ENTRY(avx2), ENTRY(sse2),
#elif defined(__aarch64__)
    ENTRY(neon),
#else
    ENTRY(baseline),
#endif
};
enum { VARIANTS = sizeof variants / sizeof *variants };

static int is_supported(int variant) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (variant == 0) return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");
  if (variant == 1) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  (void)variant;
#endif
  return 1;
}

typedef struct {
  float* image;
  size_t words;
  ebb_crew* crew;
  ebb_program* programs;
  uint32_t program_count;
} engine;

// Index of a supported variant, or -1.
static int variant_of(const char* name) {
  for (int i = 0; i < VARIANTS; i += 1)
    if (strcmp(variants[i].name, name) == 0 && is_supported(i)) return i;
  return -1;
}

static napi_value fail(napi_env env, const char* message) {
  napi_throw_error(env, NULL, message);
  return NULL;
}

static void destroy(engine* self) {
  if (self->crew) ebb_crew_destroy(self->crew);
  free(self->programs);
  free(self->image);
  self->crew = NULL;
  self->programs = NULL;
  self->image = NULL;
}

static void finalize(napi_env env, void* data, void* hint) {
  (void)env;
  (void)hint;
  destroy(data);
  free(data);
}

// open(image: Int32Array, programs: Int32Array of (first step's word, count) pairs, instructions: string) -> engine
static napi_value open_engine(napi_env env, napi_callback_info info) {
  size_t argc = 3;
  napi_value argv[3];
  napi_typedarray_type type;
  size_t words, numbers, length;
  void *image, *programs;
  char name[16];
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok || argc != 3 ||
      napi_get_typedarray_info(env, argv[0], &type, &words, &image, NULL, NULL) != napi_ok || type != napi_int32_array ||
      napi_get_typedarray_info(env, argv[1], &type, &numbers, &programs, NULL, NULL) != napi_ok || type != napi_int32_array ||
      napi_get_value_string_utf8(env, argv[2], name, sizeof name, &length) != napi_ok)
    return fail(env, "open(image, programs, instructions) takes two Int32Arrays and a string");
  const int variant = variant_of(name);
  if (variant < 0) return fail(env, "this processor lacks the instructions");

  engine* self = calloc(1, sizeof *self);
  if (self == NULL) return fail(env, "out of memory");
  self->words = words;
  self->program_count = (uint32_t)(numbers / 2);
  self->image = aligned_alloc(64, (words * 4 + 63) / 64 * 64);
  self->programs = calloc(self->program_count + 1, sizeof *self->programs);
  self->crew = ebb_crew_create(variants[variant].kernels);
  if (self->image == NULL || self->programs == NULL || self->crew == NULL) {
    destroy(self);
    free(self);
    return fail(env, "out of memory");
  }
  memcpy(self->image, image, words * 4);
  for (uint32_t i = 0; i < self->program_count; i += 1)
    self->programs[i] = (ebb_program){
        .steps = (const ebb_step*)(self->image + ((const int32_t*)programs)[2 * i]),
        .count = ((const int32_t*)programs)[2 * i + 1],
        .image = self->image,
    };
  napi_value external;
  if (napi_create_external(env, self, finalize, NULL, &external) != napi_ok) {
    destroy(self);
    free(self);
    return fail(env, "cannot create the engine");
  }
  return external;
}

static engine* engine_of(napi_env env, napi_value value) {
  void* data = NULL;
  if (napi_get_value_external(env, value, &data) != napi_ok) return NULL;
  engine* self = data;
  return self != NULL && self->image != NULL ? self : NULL;
}

// run(engine, program, level, threads, input: Float32Array, output: Float32Array, batch): inputs one after the other
static napi_value run_engine(napi_env env, napi_callback_info info) {
  size_t argc = 7;
  napi_value argv[7];
  int32_t program, level, threads, batch;
  napi_typedarray_type in_type, out_type;
  size_t in_length, out_length;
  void *input, *output;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok || argc != 7 ||
      napi_get_value_int32(env, argv[1], &program) != napi_ok || napi_get_value_int32(env, argv[2], &level) != napi_ok ||
      napi_get_value_int32(env, argv[3], &threads) != napi_ok ||
      napi_get_typedarray_info(env, argv[4], &in_type, &in_length, &input, NULL, NULL) != napi_ok ||
      napi_get_typedarray_info(env, argv[5], &out_type, &out_length, &output, NULL, NULL) != napi_ok ||
      in_type != napi_float32_array || out_type != napi_float32_array ||
      napi_get_value_int32(env, argv[6], &batch) != napi_ok || batch < 1)
    return fail(env, "run(engine, program, level, threads, input, output, batch) takes an engine, numbers and Float32Arrays");
  engine* self = engine_of(env, argv[0]);
  if (self == NULL) return fail(env, "the engine is closed");
  if (program < 0 || (uint32_t)program >= self->program_count) return fail(env, "there is no such program");
  for (int32_t i = 0; i < batch; i += 1) {
    const ebb_job job = {
        .program = self->programs + program,
        .level = level,
        .input = (const float*)input + in_length / (size_t)batch * (size_t)i,
        .output = (float*)output + out_length / (size_t)batch * (size_t)i,
    };
    ebb_crew_run(self->crew, &job, threads);
  }
  return NULL;
}

static napi_value close_engine(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argv[1];
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok || argc != 1) return fail(env, "close(engine)");
  engine* self = engine_of(env, argv[0]);
  if (self != NULL) destroy(self);
  return NULL;
}

// trim(): gives the system back what this process has freed, where the C library would keep it.
static napi_value trim(napi_env env, napi_callback_info info) {
  (void)env;
  (void)info;
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  return NULL;
}

// [version of programs, words of a step]
static napi_value program(napi_env env) {
  const int numbers[] = {EBB_PROGRAM_VERSION, sizeof(ebb_step) / sizeof(int32_t)};
  napi_value array, number;
  if (napi_create_array(env, &array) != napi_ok) return NULL;
  for (uint32_t i = 0; i < 2; i += 1)
    if (napi_create_int32(env, numbers[i], &number) == napi_ok) napi_set_element(env, array, i, number);
  return array;
}

// peak(instructions, rounds) -> multiply-adds that were done
static napi_value run_peak(napi_env env, napi_callback_info info) {
  size_t argc = 2, length;
  napi_value argv[2], result;
  char name[16];
  int32_t rounds;
  float sink = 1e-3f;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok || argc != 2 ||
      napi_get_value_string_utf8(env, argv[0], name, sizeof name, &length) != napi_ok ||
      napi_get_value_int32(env, argv[1], &rounds) != napi_ok)
    return fail(env, "peak(instructions, rounds) takes a string and a number");
  const int variant = variant_of(name);
  if (variant < 0) return fail(env, "this processor lacks the instructions");
  const double done = (double)variants[variant].peak(rounds, &sink) * rounds;
  return napi_create_double(env, done, &result) == napi_ok ? result : NULL;
}

// Names of the instruction sets that this processor has, best first.
static napi_value supported(napi_env env) {
  napi_value names, name;
  uint32_t count = 0;
  if (napi_create_array(env, &names) != napi_ok) return NULL;
  for (int i = 0; i < VARIANTS; i += 1)
    if (is_supported(i) && napi_create_string_utf8(env, variants[i].name, NAPI_AUTO_LENGTH, &name) == napi_ok)
      napi_set_element(env, names, count++, name);
  return names;
}

NAPI_MODULE_INIT() {
  napi_value function;
  const struct {
    const char* name;
    napi_callback call;
  } functions[] = {{"open", open_engine}, {"run", run_engine}, {"close", close_engine}, {"trim", trim}, {"peak", run_peak}};
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i += 1)
    if (napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, NULL, &function) == napi_ok)
      napi_set_named_property(env, exports, functions[i].name, function);
  napi_set_named_property(env, exports, "instructions", supported(env));
  napi_set_named_property(env, exports, "program", program(env));
  return exports;
}
