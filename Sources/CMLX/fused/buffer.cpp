// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#include "buffer.h"

#include <cstdint>
#include <cstdlib>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace koine {
namespace {

constexpr std::size_t largePage = std::size_t{1} << 21;

}  // namespace

void Buffer::Free::operator()(float* pointer) const { std::free(pointer); }

float* Buffer::reserve(std::size_t count) {
  if (count <= capacity_) return data_.get();
  data_.reset();
  capacity_ = 0;
  const std::size_t alignment = count * sizeof(float) >= largePage ? largePage : 64;
  const std::size_t bytes = (count * sizeof(float) + alignment - 1) / alignment * alignment;
  void* const pointer = std::aligned_alloc(alignment, bytes);
  if (pointer == nullptr) throw std::bad_alloc();
  adviseLargePages(pointer, bytes);
  data_.reset(static_cast<float*>(pointer));
  capacity_ = bytes / sizeof(float);
  return data_.get();
}

void adviseLargePages(void* memory, std::size_t byteCount) {
#if defined(MADV_HUGEPAGE)
  const auto begin = (reinterpret_cast<std::uintptr_t>(memory) + largePage - 1) / largePage * largePage;
  const auto end = (reinterpret_cast<std::uintptr_t>(memory) + byteCount) / largePage * largePage;
  // Advice: where it is not taken, all works as before.
  if (end > begin) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#else
  (void)memory;
  (void)byteCount;
#endif
}

}  // namespace koine
