// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#include "kept_memory.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <new>

#include "buffer.h"
#include "mlx/device.h"
#include "mlx/memory.h"

namespace koine {
namespace {

namespace mx = mlx::core;

/// Smaller arrays are MLX's: its allocator is quick there.
constexpr std::size_t smallest = std::size_t{1} << 15;
constexpr std::size_t largePage = std::size_t{1} << 21;
/// Between the begin of a block and its array: room for MLX's number, and the array on a cache line's border.
constexpr std::size_t lead = 64;

class Keeper {
 public:
  /// Never destroyed: arrays may outlive `main`.
  static Keeper& shared() {
    static Keeper* const keeper = new Keeper;
    return *keeper;
  }

  char* take(std::size_t byteCount) {
    const std::size_t unit = byteCount < largePage ? 4096 : 65536;
    const std::size_t size = (byteCount + lead + unit - 1) / unit * unit;
    {
      std::lock_guard guard(lock_);
      // A block that is a little too large is better than a fresh one.
      const auto found = kept_.lower_bound(size);
      if (found != kept_.end() && found->first <= size + size / 8) {
        const auto [room, kept] = *found;
        kept_.erase(found);
        keptBytes_ -= room;
        use(room);
        return kept.block;
      }
      use(size);
    }
    const bool isLarge = size >= largePage;
    void* const block = std::aligned_alloc(isLarge ? largePage : lead, size);
    if (block == nullptr) {
      std::lock_guard guard(lock_);
      used_ -= size;
      throw std::bad_alloc();
    }
    if (isLarge) adviseLargePages(block, size);
    std::memcpy(block, &size, sizeof(size));
    return static_cast<char*>(block);
  }

  void giveBack(char* block) {
    std::size_t size;
    std::memcpy(&size, block, sizeof(size));
    std::lock_guard guard(lock_);
    used_ -= size;
    keptBytes_ += size;
    kept_.insert({size, {block, ++moment_}});
    trim();
  }

  void release() {
    std::lock_guard guard(lock_);
    mostUsed_ = used_;
    trim();
  }

  std::size_t peak() {
    std::lock_guard guard(lock_);
    return std::max(peak_, mx::get_peak_memory());
  }

  void resetPeak() {
    std::lock_guard guard(lock_);
    mx::reset_peak_memory();
    peak_ = used_ + mx::get_active_memory();
  }

 private:
  struct Kept {
    char* block;
    std::uint64_t moment;
  };

  void use(std::size_t size) {
    used_ += size;
    mostUsed_ = std::max(mostUsed_, used_);
    peak_ = std::max(peak_, used_ + mx::get_active_memory());
    trim();
  }

  /// Frees what has been kept longest, until all is no more than was ever used and a quarter: sizes differ, and
  /// without the quarter some blocks would come and go in each step.
  void trim() {
    while (!kept_.empty() && used_ + keptBytes_ > mostUsed_ + mostUsed_ / 4) {
      auto oldest = kept_.begin();
      for (auto entry = kept_.begin(); entry != kept_.end(); ++entry) {
        if (entry->second.moment < oldest->second.moment) oldest = entry;
      }
      keptBytes_ -= oldest->first;
      std::free(oldest->second.block);
      kept_.erase(oldest);
    }
  }

  std::mutex lock_;
  std::multimap<std::size_t, Kept> kept_;
  std::size_t used_ = 0, keptBytes_ = 0, mostUsed_ = 0, peak_ = 0;
  std::uint64_t moment_ = 0;
};

}  // namespace

std::ptrdiff_t bufferHeader() {
  static const std::ptrdiff_t header = [] {
    auto probe = mx::allocator::malloc(16);
    auto buffer = probe.buffer();
    const auto bytes = static_cast<char*>(buffer.raw_ptr()) - static_cast<char*>(buffer.ptr());
    return bytes >= 0 && bytes <= 16 ? bytes : -1;
  }();
  return header;
}

mx::allocator::Data keptMemory(std::size_t byteCount) {
  // With a GPU's MLX the allocator is that of the GPU.
  if (byteCount < smallest || mx::default_device() != mx::Device::cpu ||
      bufferHeader() != sizeof(std::size_t)) {
    return mx::allocator::malloc(byteCount);
  }
  char* const block = Keeper::shared().take(byteCount);
  char* const memory = block + lead;
  // MLX reads the size of a buffer before it lets an operator write over it.
  std::memcpy(memory - sizeof(std::size_t), &byteCount, sizeof(byteCount));
  return mx::allocator::Data(
      mx::allocator::Buffer(memory - sizeof(std::size_t)),
      [block](mx::allocator::Buffer) { Keeper::shared().giveBack(block); });
}

void releaseKeptMemory() { Keeper::shared().release(); }

std::size_t peakMemoryInUse() { return Keeper::shared().peak(); }
void resetPeakMemoryInUse() { Keeper::shared().resetPeak(); }

}  // namespace koine
