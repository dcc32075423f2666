// Vectors of EBB_LANES float32, in the extensions that GCC and Clang share.
#ifndef EBB_VECTORS_H
#define EBB_VECTORS_H

#include <stddef.h>
#include <stdint.h>
#ifdef __wasm__
#include <wasm_simd128.h>
#endif

#ifndef EBB_LANES
#define EBB_LANES 4
#endif
// Vectors that a channel accumulates at once: as many as registers hold beside the weight. Of the 16 that WebAssembly's compilers have on x86
// they leave some unused: beyond 8 sums they spill (V8 11: 12 sums take 1.2 times as long).
#ifndef EBB_DEPTH
#ifdef __wasm__
#define EBB_DEPTH 8
#else
#define EBB_DEPTH 12
#endif
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
#ifdef __wasm__
INLINE floats at_least(floats values, floats lower) { return (floats)wasm_f32x4_pmax((v128_t)values, (v128_t)lower); }
#else
INLINE floats at_least(floats values, floats lower) { return choose(values < lower, lower, values); }
#endif
INLINE floats at_most(floats values, floats upper) { return choose(values > upper, upper, values); }

#ifdef __wasm_relaxed_simd__
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

#endif
