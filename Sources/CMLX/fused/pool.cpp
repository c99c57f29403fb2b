// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#include "pool.h"

#include <pthread.h>
#include <signal.h>
#ifdef __linux__
#include <sched.h>
#endif

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

#include "fused.h"

namespace koine {
namespace {

/// As many as OMP_NUM_THREADS says, which BLAS obeys as well; else as many processors as this process may
/// run on: launchers of several processes give each a part of the machine.
int defaultCount() {
  if (const char* text = std::getenv("OMP_NUM_THREADS")) {
    char* end = nullptr;
    const long count = std::strtol(text, &end, 10);
    if (end != text && *end == '\0' && count >= 1 && count <= 1024) return static_cast<int>(count);
  }
#ifdef __linux__
  cpu_set_t own;
  if (sched_getaffinity(0, sizeof(own), &own) == 0 && CPU_COUNT(&own) > 0) {
    return CPU_COUNT(&own);
  }
#endif
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

/// One round of work. It lives on the caller's stack; workers may touch it only while counted in `inside`.
struct Job {
  const std::function<void(std::size_t)>* body;
  std::size_t count;
  std::atomic<std::size_t> next{0};
  std::mutex failureLock;
  std::size_t failedIndex = 0;
  std::exception_ptr failure;

  /// Takes pieces until none is left.
  void work() {
    for (;;) {
      const std::size_t index = next.fetch_add(1, std::memory_order_relaxed);
      if (index >= count) return;
      try {
        (*body)(index);
      } catch (...) {
        std::lock_guard guard(failureLock);
        if (!failure || index < failedIndex) {
          failure = std::current_exception();
          failedIndex = index;
        }
        next.store(count, std::memory_order_relaxed);
      }
    }
  }
};

thread_local bool insidePiece = false;

class Pool {
 public:
  /// The one pool. Never destroyed: its threads may outlive `main`, and must find it intact.
  static Pool& shared() {
    static Pool* const pool = new Pool;
    return *pool;
  }

  int threads() const { return wanted_.load(); }

  void setThreads(int count) {
    std::lock_guard turn(turn_);
    wanted_ = count;
  }

  void run(std::size_t count, const std::function<void(std::size_t)>& body) {
    // One round at a time: a second MLX stream waits here for its turn.
    std::unique_lock turn(turn_);
    Job job;
    job.body = &body;
    job.count = count;
    // The caller works too, so one worker fewer than threads; never more than there are pieces.
    const std::size_t helpers =
        std::min<std::size_t>(static_cast<std::size_t>(wanted_.load()), count) - 1;
    if (helpers > 0) {
      {
        std::lock_guard guard(lock_);
        try {
          while (workers_ < helpers) startWorker();
        } catch (const std::system_error&) {
          // The system gives no more threads: with fewer all takes longer, and is the same.
        }
        job_ = &job;
        places_ = std::min(helpers, workers_);
        round_.fetch_add(1, std::memory_order_release);
      }
      wake_.notify_all();
    }
    insidePiece = true;
    job.work();
    insidePiece = false;
    if (helpers > 0) {
      {
        std::lock_guard guard(lock_);
        // From here on no worker can enter: one that wakes late finds no job and goes back to sleep.
        job_ = nullptr;
      }
      const auto isDone = [&] { return inside_.load(std::memory_order_acquire) == 0; };
      watch(isDone);
      std::unique_lock guard(lock_);
      left_.wait(guard, isDone);
    }
    turn.unlock();
    if (job.failure) std::rethrow_exception(job.failure);
  }

 private:
  Pool() : wanted_(defaultCount()) {}

  /// Workers take no signals, so that Ctrl-C reaches the thread that expects it.
  void startWorker() {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      std::thread([this] { serve(); }).detach();
    } catch (...) {
      pthread_sigmask(SIG_SETMASK, &before, nullptr);
      throw;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ++workers_;
  }

  /// Rounds of one training step follow each other within microseconds, and end within microseconds of each other
  /// on all threads, less than a wake-up takes: look for a moment before sleeping. Short, because the machine may
  /// be shared.
  template <class Condition>
  static void watch(Condition condition) {
    for (int spin = 0; spin < 4000 && !condition(); ++spin) {
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
  }

  void serve() {
    insidePiece = true;
    std::uint64_t seen = 0;
    for (;;) {
      watch([&] { return round_.load(std::memory_order_acquire) != seen; });
      Job* job = nullptr;
      {
        std::unique_lock guard(lock_);
        wake_.wait(guard, [&] { return round_.load() != seen; });
        seen = round_.load();
        if (job_ == nullptr || places_ == 0) continue;
        --places_;
        inside_.fetch_add(1, std::memory_order_relaxed);
        job = job_;
      }
      job->work();
      std::lock_guard guard(lock_);
      if (inside_.fetch_sub(1, std::memory_order_release) == 1) left_.notify_one();
    }
  }

  std::mutex turn_;  // held by the caller of a round
  std::mutex lock_;  // guards all below but the atomics
  std::condition_variable wake_, left_;
  Job* job_ = nullptr;
  std::size_t places_ = 0, workers_ = 0;
  std::atomic<std::size_t> inside_{0};  // changed under the lock, watched without
  std::atomic<std::uint64_t> round_{0};
  std::atomic<int> wanted_;
};

}  // namespace

void parallel(std::size_t count, const std::function<void(std::size_t)>& body) {
  if (count == 0) return;
  if (count == 1 || insidePiece || Pool::shared().threads() == 1) {
    for (std::size_t index = 0; index < count; ++index) body(index);
    return;
  }
  Pool::shared().run(count, body);
}

void parallelRanges(
    std::size_t count, std::size_t grain,
    const std::function<void(std::size_t, std::size_t)>& body) {
  // About eight ranges a thread: enough that a thread held up elsewhere does not hold up the rest.
  const std::size_t pieces = 8 * static_cast<std::size_t>(threadCount());
  std::size_t width = (count + pieces - 1) / pieces;
  width = std::max(grain, (width + grain - 1) / grain * grain);
  parallel((count + width - 1) / width, [&](std::size_t index) {
    body(index * width, std::min(count, (index + 1) * width));
  });
}

void setThreadCount(int count) {
  if (count < 1 || count > 1024) {
    throw std::invalid_argument(
        "thread count: expected 1 to 1024, found " + std::to_string(count) + ".");
  }
  Pool::shared().setThreads(count);
}

int threadCount() { return Pool::shared().threads(); }

}  // namespace koine
