// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// What happens to one row of numbers, written once for the graph nodes and the decoding step: both then give
// the same bits.
#pragma once

#include <cmath>
#include <cstddef>

#include "vector.h"

namespace koine {

/// 1 / √(mean of squares + ε) of a row of `width` floats; two chains of eight lanes.
inline float inverseRoot(const float* row, std::size_t width, float epsilon) {
  Lanes even = 0.0f, odd = 0.0f;
  std::size_t i = 0;
  for (; i + 16 <= width; i += 16) {
    const Lanes a = load(row + i), b = load(row + i + 8);
    even = fma(a, a, even);
    odd = fma(b, b, odd);
  }
  eachLanes(width - i, [&](std::size_t offset, std::size_t count) {
    const Lanes a = loadUpTo(row + i + offset, count);
    even = fma(a, a, even);
  });
  return 1.0f / std::sqrt(sum(even + odd) / static_cast<float>(width) + epsilon);
}

/// y = w · (x · r), the root-mean-square norm of x; w + 1 in place of w with `onePlus`. y may be x.
inline void normRow(
    const float* x, const float* w, std::size_t width, float epsilon, bool onePlus, float* y) {
  const float r = inverseRoot(x, width, epsilon);
  if (onePlus) {
    eachLanes(width, [=](std::size_t i, std::size_t count) {
      const Lanes weight = loadUpTo(w + i, count) + Lanes(1.0f);
      storeUpTo(y + i, weight * (loadUpTo(x + i, count) * r), count);
    });
  } else {
    eachLanes(width, [=](std::size_t i, std::size_t count) {
      storeUpTo(y + i, loadUpTo(w + i, count) * (loadUpTo(x + i, count) * r), count);
    });
  }
}

/// y = x + delta; y may be either.
inline void addRow(const float* x, const float* delta, std::size_t width, float* y) {
  eachLanes(width, [=](std::size_t i, std::size_t count) {
    storeUpTo(y + i, loadUpTo(x + i, count) + loadUpTo(delta + i, count), count);
  });
}

/// Turns 2 · `half` numbers of a head, half against half, by the angles of `table` (cosines, then sines), or
/// back with `sign` −1. y may be x.
inline void turnRow(const float* x, const float* table, std::size_t half, float sign, float* y) {
  const float* const sines = table + half;
  eachLanes(half, [=](std::size_t i, std::size_t count) {
    const Lanes c = loadUpTo(table + i, count), s = sign * loadUpTo(sines + i, count);
    const Lanes a = loadUpTo(x + i, count), b = loadUpTo(x + half + i, count);
    storeUpTo(y + i, a * c - b * s, count);
    storeUpTo(y + half + i, b * c + a * s, count);
  });
}

/// x · sigmoid(x): the sigmoid's argument and its slope.
struct Silu {
  static Lanes argument(Lanes g) { return g; }
  static Lanes slope(Lanes) { return Lanes(1.0f); }
};

/// The tanh form of GELU as x · sigmoid(…).
struct Gelu {
  static constexpr float factor = 1.5957691216f;  // 2 √(2/π)
  static constexpr float cubic = 0.044715f;
  static Lanes argument(Lanes g) { return factor * g * fma(cubic * g, g, Lanes(1.0f)); }
  static Lanes slope(Lanes g) { return factor * fma(3.0f * cubic * g, g, Lanes(1.0f)); }
};

template <class Gate>
inline Lanes gateShare(Lanes g) {
  return 1.0f / (1.0f + exponential(-Gate::argument(g)));
}

/// y = gate(g) · u; y may be either.
template <class Gate>
inline void gateRow(const float* gate, const float* up, std::size_t width, float* y) {
  eachLanes(width, [=](std::size_t i, std::size_t count) {
    const Lanes g = loadUpTo(gate + i, count), u = loadUpTo(up + i, count);
    storeUpTo(y + i, (g * gateShare<Gate>(g)) * u, count);
  });
}

/// y = cap · tanh(x / cap); y may be x.
inline void capRow(const float* x, float cap, std::size_t width, float* y) {
  eachLanes(width, [=](std::size_t i, std::size_t count) {
    storeUpTo(y + i, cap * hyperbolicTangent(loadUpTo(x + i, count) / cap), count);
  });
}

}  // namespace koine
