// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// Working memory of the kernels.
#pragma once

#include <cstddef>
#include <memory>

namespace koine {

/// Floats that are kept for the next use, aligned for every vector, their values unspecified at first.
///
/// Where they are many they lie in large pages if the system has them: what is read from end to end again and
/// again would pay a walk through the page table for each small page, and a fault for each when first written.
class Buffer {
 public:
  /// Room for `count` floats; what was there before is lost where that is more than before. Throws
  /// std::bad_alloc.
  float* reserve(std::size_t count);
  float* data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(float* pointer) const;
  };
  std::unique_ptr<float[], Free> data_;
  std::size_t capacity_ = 0;
};

/// Asks for large pages behind `byteCount` bytes of fresh memory, where they are many. Changes nothing else.
void adviseLargePages(void* memory, std::size_t byteCount);

}  // namespace koine
