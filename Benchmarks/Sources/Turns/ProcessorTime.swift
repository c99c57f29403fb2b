// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Seconds that processors have worked, user and system, which other programs on the machine disturb
/// less than the clock.
package enum ProcessorTime {
  /// For all threads of this process.
  package static var ofProcess: Double { seconds(CLOCK_PROCESS_CPUTIME_ID) }
  /// For this thread.
  package static var ofThread: Double { seconds(CLOCK_THREAD_CPUTIME_ID) }

  private static func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
