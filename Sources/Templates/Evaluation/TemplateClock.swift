// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The time that `strftime_now` tells: now, or a fixed one so that a rendering can be repeated.
public struct TemplateClock: Sendable, Equatable {
  private let date: Date?
  private let utcOffset: Int?

  /// The time of the rendering, in the machine's time zone.
  public static let now = TemplateClock(date: nil, utcOffset: nil)

  /// A fixed time; `utcOffset` is the zone's distance from UTC in seconds.
  public static func fixed(_ date: Date, utcOffset: Int = 0) -> TemplateClock {
    TemplateClock(date: date, utcOffset: utcOffset)
  }

  /// The time by a format of C's `strftime`; as from Python's `datetime.now()`, `%z` and `%Z` are
  /// empty and `%f` are microseconds. `nil` for a format too long.
  func formatted(_ format: String) -> String? {
    guard format.utf8.count <= 1000, !format.utf8.contains(0) else { return nil }
    let instant = date ?? Date()
    let seconds = instant.timeIntervalSince1970.rounded(.down)
    guard seconds.magnitude < 1e15 else { return nil }
    var time = time_t(seconds) + (utcOffset ?? 0)
    var parts = tm()
    if utcOffset == nil { localtime_r(&time, &parts) } else { gmtime_r(&time, &parts) }
    var prepared = ""
    var rest = format.unicodeScalars[...]
    while let scalar = rest.popFirst() {
      guard scalar == "%" else {
        prepared.unicodeScalars.append(scalar)
        continue
      }
      guard let letter = rest.popFirst() else { return nil }
      switch letter {
      case "f":
        let micro = Int((instant.timeIntervalSince1970 - seconds) * 1e6)
        let digits = String(micro)
        prepared += String(repeating: "0", count: max(0, 6 - digits.count)) + digits
      case "z", "Z": break
      case "0"..."9": return nil
      default: prepared += "%" + String(letter)
      }
    }
    guard !prepared.isEmpty else { return "" }
    // The space tells an empty result from a buffer that was too small.
    var buffer = [CChar](repeating: 0, count: 65536)
    let count = strftime(&buffer, buffer.count, prepared + " ", &parts)
    guard count > 0 else { return nil }
    return String(decoding: buffer[..<(count - 1)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
