// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// Eight floats at a time, in Clang's vector language: one AVX register, or two of NEON. Sums over a row use
// eight running lanes and one fixed order of adding them up, so they are the same bits on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace koine {

typedef float Lanes __attribute__((ext_vector_type(8)));
typedef std::int32_t IntLanes __attribute__((ext_vector_type(8)));

inline Lanes load(const float* pointer) {
  Lanes value;
  std::memcpy(&value, pointer, sizeof value);
  return value;
}

inline void store(float* pointer, Lanes value) { std::memcpy(pointer, &value, sizeof value); }

/// The first `count` (< 8) floats; `filler` in the other lanes.
inline Lanes loadPart(const float* pointer, std::size_t count, float filler = 0) {
  Lanes value = filler;
  std::memcpy(&value, pointer, count * sizeof(float));
  return value;
}

inline void storePart(float* pointer, Lanes value, std::size_t count) {
  std::memcpy(pointer, &value, count * sizeof(float));
}

inline Lanes fma(Lanes a, Lanes b, Lanes c) { return __builtin_elementwise_fma(a, b, c); }

inline float sum(Lanes v) {
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

/// The largest lane; NaN lanes may or may not be taken.
inline float largest(Lanes v) {
  float most = v[0];
  for (int i = 1; i < 8; ++i) most = v[i] > most ? v[i] : most;
  return most;
}

/// eˣ to about 1 ulp: x = n·ln 2 + r with |r| ≤ ½ ln 2, a polynomial of degree 6 in r, times 2ⁿ.
///
/// Below −87.3 the result is 0 (no subnormals), above 88.3 it is infinite (the true limit is 88.7), NaN
/// stays NaN. The coefficients are the Taylor series economised over ±½ ln 2.
inline Lanes exponential(Lanes x) {
  const Lanes low = -88.0f, high = 89.0f;
  x = x < low ? low : x;
  x = x > high ? high : x;
  const Lanes shift = 12582912.0f;  // 1.5 · 2²³: adding it rounds to an integer, kept in the low bits
  const Lanes shifted = fma(x, Lanes(1.44269504f), shift);
  const Lanes n = shifted - shift;
  Lanes r = fma(n, Lanes(-0.693145751953125f), x);
  r = fma(n, Lanes(-1.42860677e-6f), r);
  Lanes p = 1.38888889e-3f;
  p = fma(p, r, Lanes(8.33333333e-3f));
  p = fma(p, r, Lanes(4.16666667e-2f));
  p = fma(p, r, Lanes(1.66666667e-1f));
  p = fma(p, r, Lanes(0.5f));
  p = fma(p, r, Lanes(1.0f));
  p = fma(p, r, Lanes(1.0f));
  const IntLanes bits = (__builtin_bit_cast(IntLanes, shifted) + (127 - 0x4B400000)) << 23;
  return p * __builtin_bit_cast(Lanes, bits);
}

/// tanh x to about 2 ulp. Up to 0.625 an odd polynomial (fitted at Chebyshev's nodes), because the quotient of
/// exponentials loses the digits of small results; beyond 9 the quotient is ±1 exactly. NaN stays NaN.
inline Lanes hyperbolicTangent(Lanes x) {
  const Lanes size = __builtin_elementwise_abs(x);
  const Lanes e = exponential(-2.0f * size);
  const Lanes far = __builtin_elementwise_copysign((1.0f - e) / (1.0f + e), x);
  const Lanes z = x * x;
  Lanes p = -6.1004721e-3f;
  p = fma(p, z, Lanes(2.0988025e-2f));
  p = fma(p, z, Lanes(-5.3844508e-2f));
  p = fma(p, z, Lanes(1.3332661e-1f));
  p = fma(p, z, Lanes(-3.3333325e-1f));
  const Lanes near = fma(x * z, p, x);
  return size < Lanes(0.625f) ? near : far;
}

/// Calls `body(index, count)` over [0, size) in steps of 8; count is 8 but for a last, shorter step.
template <class Body>
inline void eachLanes(std::size_t size, Body&& body) {
  std::size_t i = 0;
  for (; i + 8 <= size; i += 8) body(i, std::size_t{8});
  if (i < size) body(i, size - i);
}

inline Lanes loadUpTo(const float* pointer, std::size_t count, float filler = 0) {
  return count == 8 ? load(pointer) : loadPart(pointer, count, filler);
}

inline void storeUpTo(float* pointer, Lanes value, std::size_t count) {
  if (count == 8) {
    store(pointer, value);
  } else {
    storePart(pointer, value, count);
  }
}

}  // namespace koine
