// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// The loop over weights that all optimizers share: float32 numbers, or stored ones with stochastic rounding.
#pragma once

#include <algorithm>

#include "pool.h"
#include "updates.h"
#include "vector.h"

namespace koine {

typedef std::uint32_t WordLanes __attribute__((ext_vector_type(8)));

/// A float32 as one of the two neighbouring numbers of the type: the further one with a probability that
/// is the share of the way to it. NaN stays NaN; beyond the largest number lies infinity.
template <StoredType type>
struct RoundStochastically;

template <>
struct RoundStochastically<StoredType::bfloat16> {
  typedef std::uint16_t Element;
  typedef std::uint16_t Short __attribute__((ext_vector_type(8)));
  static Short round(Lanes value, WordLanes random) {
    const WordLanes bits = __builtin_bit_cast(WordLanes, value);
    // The lower half is how far the number is from its truncation, in 65536ths of a step.
    const WordLanes sum = (bits + (random >> 16)) >> 16;
    const auto isNumber = value == value;
    return __builtin_convertvector(isNumber ? sum : WordLanes(0x7FC0u), Short);
  }
};

template <>
struct RoundStochastically<StoredType::float16> {
  typedef Half Element;
  typedef Half Short __attribute__((ext_vector_type(8)));
  static Short round(Lanes value, WordLanes random) {
    const WordLanes bits = __builtin_bit_cast(WordLanes, value);
    const Lanes normal = __builtin_bit_cast(Lanes, (bits + (random >> 19)) & WordLanes(0xFFFFE000u));
    // Below 2⁻¹⁴ float16 has steps of 2⁻²⁴.
    const Lanes share = __builtin_convertvector(random >> 8, Lanes) * 0x1p-24f;
    const Lanes small = __builtin_elementwise_floor(value * 0x1p24f + share) * 0x1p-24f;
    const auto isSmall = __builtin_elementwise_abs(value) < Lanes(0x1p-14f);
    const auto isNumber = value == value;
    return __builtin_convertvector(isNumber ? (isSmall ? small : normal) : value, Short);
  }
};

/// Replaces the weights [begin, end) by `body(offset, lanes, weights)`, eight at a time, on this thread; offset
/// counts from the first of `weights`.
template <class Body>
inline void eachWeightHere(
    const Weights& weights, std::size_t begin, std::size_t end, const Body& body) {
  if (weights.type == StoredType::float32) {
    float* const p = static_cast<float*>(weights.data);
    eachLanes(end - begin, [&](std::size_t offset, std::size_t lanes) {
      const std::size_t i = begin + offset;
      storeUpTo(p + i, body(i, lanes, loadUpTo(p + i, lanes)), lanes);
    });
    return;
  }
  const auto loop = [&]<StoredType type>() {
    using Rounding = RoundStochastically<type>;
    using Element = typename Rounding::Element;
    constexpr std::size_t block = 512;
    std::uint32_t random[block];
    Element* const p = static_cast<Element*>(weights.data);
    for (std::size_t start = begin; start < end; start += block) {
      const std::size_t size = std::min(block, end - start);
      randomWords(weights.seed, weights.key, weights.first + start, size, random);
      for (std::size_t done = size; done < (size + 7) / 8 * 8; ++done) random[done] = 0;
      eachLanes(size, [&](std::size_t offset, std::size_t lanes) {
        const std::size_t i = start + offset;
        Element eight[8] = {};
        std::memcpy(eight, p + i, lanes * sizeof(Element));
        WordLanes words;
        std::memcpy(&words, random + offset, sizeof words);
        const auto rounded =
            Rounding::round(body(i, lanes, Widen<type, 8>::load(eight)), words);
        std::memcpy(eight, &rounded, sizeof eight);
        std::memcpy(p + i, eight, lanes * sizeof(Element));
      });
    }
  };
  if (weights.type == StoredType::bfloat16) {
    loop.template operator()<StoredType::bfloat16>();
  } else {
    loop.template operator()<StoredType::float16>();
  }
}

/// The same over all of them, shared out over the pool.
template <class Body>
inline void eachWeight(const Weights& weights, const Body& body) {
  parallelRanges(weights.count, 4096, [&](std::size_t begin, std::size_t end) {
    eachWeightHere(weights, begin, end, body);
  });
}

}  // namespace koine
