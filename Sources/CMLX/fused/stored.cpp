// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#include "stored.h"

#include <algorithm>
#include <atomic>
#include <bit>

#include "fused.h"
#include "pool.h"

namespace koine {
namespace {

/// The first number of [begin, end) whose exponent bits are all set, which is infinity or NaN; `end` if none.
template <class Bits>
std::size_t firstSet(const void* values, std::size_t begin, std::size_t end, Bits exponent) {
  const char* const base = static_cast<const char*>(values);
  for (std::size_t block = begin; block < end; block += 2048) {
    const std::size_t stop = std::min(end, block + 2048);
    // No way out of the inner loop, so that it vectorises.
    Bits found = 0;
    for (std::size_t i = block; i < stop; ++i) {
      Bits bits;
      std::memcpy(&bits, base + i * sizeof(Bits), sizeof bits);
      found |= static_cast<Bits>((bits & exponent) == exponent);
    }
    if (found == 0) continue;
    for (std::size_t i = block; i < stop; ++i) {
      Bits bits;
      std::memcpy(&bits, base + i * sizeof(Bits), sizeof bits);
      if ((bits & exponent) == exponent) return i;
    }
  }
  return end;
}

}  // namespace

void widen(const void* from, StoredType type, std::size_t count, float* to) {
  withStoredType(type, [&]<StoredType stored>() {
    using Eight = Widen<stored, 8>;
    const auto* source = static_cast<const typename Eight::Element*>(from);
    std::size_t i = 0;
    for (; i + 8 <= count; i += 8) {
      const auto numbers = Eight::load(source + i);
      std::memcpy(to + i, &numbers, sizeof numbers);
    }
    if (i < count) {
      typename Eight::Element rest[8] = {};
      std::memcpy(rest, source + i, (count - i) * sizeof rest[0]);
      const auto numbers = Eight::load(rest);
      std::memcpy(to + i, &numbers, (count - i) * sizeof(float));
    }
  });
}

std::ptrdiff_t firstNonFinite(const void* values, std::size_t count, StoredType type) {
  std::atomic<std::size_t> earliest{count};
  parallelRanges(count, 65536, [&](std::size_t begin, std::size_t end) {
    if (begin >= earliest.load(std::memory_order_relaxed)) return;
    const std::size_t found = type == StoredType::float32
        ? firstSet<std::uint32_t>(values, begin, end, 0x7F800000u)
        : firstSet<std::uint16_t>(values, begin, end, type == StoredType::bfloat16 ? 0x7F80 : 0x7C00);
    if (found == end) return;
    std::size_t known = earliest.load();
    while (found < known && !earliest.compare_exchange_weak(known, found)) {
    }
  });
  const std::size_t index = earliest.load();
  return index == count ? -1 : static_cast<std::ptrdiff_t>(index);
}

}  // namespace koine
