// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// Philox4x32-10: random words as a function of a counter and a key, eight counters at a time.

#include "updates.h"

namespace koine {
namespace {

typedef std::uint64_t Wide __attribute__((ext_vector_type(8)));

/// The 32 words of the blocks `block` to `block + 7`.
void eightBlocks(std::uint64_t seed, std::uint64_t key, std::uint64_t block, std::uint32_t* output) {
  const Wide low = 0xFFFFFFFFu;
  const Wide blocks = Wide(block) + Wide{0, 1, 2, 3, 4, 5, 6, 7};
  Wide a = blocks & low, b = blocks >> 32, c = seed & 0xFFFFFFFFu, d = seed >> 32;
  std::uint32_t key0 = static_cast<std::uint32_t>(key), key1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const Wide first = a * 0xD2511F53u, second = c * 0xCD9E8D57u;
    a = (second >> 32) ^ b ^ Wide(key0);
    b = second & low;
    c = (first >> 32) ^ d ^ Wide(key1);
    d = first & low;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  for (int lane = 0; lane < 8; ++lane) {
    output[4 * lane] = static_cast<std::uint32_t>(a[lane]);
    output[4 * lane + 1] = static_cast<std::uint32_t>(b[lane]);
    output[4 * lane + 2] = static_cast<std::uint32_t>(c[lane]);
    output[4 * lane + 3] = static_cast<std::uint32_t>(d[lane]);
  }
}

}  // namespace

void randomWords(
    std::uint64_t seed, std::uint64_t key, std::uint64_t start, std::size_t count,
    std::uint32_t* output) {
  std::size_t done = 0;
  while (done < count) {
    const std::uint64_t element = start + done;
    const std::size_t skip = element % 4;
    if (skip == 0 && count - done >= 32) {
      eightBlocks(seed, key, element / 4, output + done);
      done += 32;
      continue;
    }
    std::uint32_t words[32];
    eightBlocks(seed, key, element / 4, words);
    const std::size_t taken = count - done < 32 - skip ? count - done : 32 - skip;
    std::memcpy(output + done, words + skip, taken * sizeof words[0]);
    done += taken;
  }
}

}  // namespace koine
