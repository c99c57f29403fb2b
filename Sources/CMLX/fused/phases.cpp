// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#include "phases.h"

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>

#include "fused.h"
#include "pool.h"

namespace koine {
namespace {

/// The next piece of one thread's range: the phase in the upper half, the index in the lower. One word, so that a
/// piece cannot be taken for one of another phase.
struct alignas(64) Ticket {
  std::atomic<std::uint64_t> next{0};
};

class Region {
 public:
  Region(PhasedWork& work, std::size_t members)
      : work_(work), members_(members), phases_(work.phases()), tickets_(new Ticket[members]) {
    hand(0);
  }

  void member(std::size_t own) {
    for (;;) {
      const std::size_t phase = current_.load(std::memory_order_acquire);
      if (phase >= phases_) return;
      bool hasWorked = false;
      for (std::size_t step = 0; step < members_; ++step) {
        hasWorked |= serve((own + step) % members_);
      }
      if (!hasWorked) wait(phase, own);
    }
  }

  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  std::size_t begin(std::size_t phase, std::size_t slot) const {
    return work_.pieces(phase) * slot / members_;
  }

  /// Takes pieces of a range until it is empty; whether there were any.
  bool serve(std::size_t slot) {
    bool any = false;
    for (;;) {
      // Acquires what the phase needs: tickets are written after everything before is finished.
      const std::uint64_t ticket = tickets_[slot].next.fetch_add(1, std::memory_order_acq_rel);
      const std::size_t phase = ticket >> 32, index = ticket & 0xFFFFFFFFu;
      if (phase >= phases_ || index >= begin(phase, slot + 1)) return any;
      any = true;
      attempt([&] { work_.piece(phase, index); });
      if (done_.fetch_add(1, std::memory_order_acq_rel) + 1 == work_.pieces(phase)) {
        attempt([&] { work_.finish(phase); });
        done_.store(0, std::memory_order_relaxed);
        hand(phase + 1);
      }
    }
  }

  /// Opens a phase.
  void hand(std::size_t phase) {
    for (std::size_t slot = 0; slot < members_; ++slot) {
      const std::uint64_t first = phase < phases_ ? begin(phase, slot) : 0;
      tickets_[slot].next.store(std::uint64_t{phase} << 32 | first, std::memory_order_release);
    }
    // Others may be done with this phase already: never back.
    std::size_t known = current_.load(std::memory_order_relaxed);
    while (known < phase && !current_.compare_exchange_weak(known, phase, std::memory_order_release)) {
    }
  }

  void wait(std::size_t phase, std::size_t own) const {
    // Somebody is at work on the last piece: a matter of microseconds, unless it lost its processor.
    for (std::size_t round = 0; current_.load(std::memory_order_acquire) == phase; ++round) {
      if (phase + 1 < phases_) work_.expect(phase + 1, begin(phase + 1, own), round);
      if (round >= 2000) {
        std::this_thread::yield();
      } else {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
      }
    }
  }

  template <class Body>
  void attempt(Body body) {
    if (hasFailed_.load(std::memory_order_relaxed)) return;
    try {
      body();
    } catch (...) {
      std::lock_guard guard(lock_);
      if (!failure_) failure_ = std::current_exception();
      hasFailed_.store(true, std::memory_order_relaxed);
    }
  }

  PhasedWork& work_;
  const std::size_t members_, phases_;
  const std::unique_ptr<Ticket[]> tickets_;
  alignas(64) std::atomic<std::size_t> done_{0};
  alignas(64) std::atomic<std::size_t> current_{0};
  std::atomic<bool> hasFailed_{false};
  std::mutex lock_;
  std::exception_ptr failure_;
};

}  // namespace

void runPhases(PhasedWork& work) {
  if (work.phases() == 0) return;
  const auto members = static_cast<std::size_t>(threadCount());
  Region region(work, members);
  parallel(members, [&](std::size_t member) { region.member(member); });
  region.rethrow();
}

}  // namespace koine
