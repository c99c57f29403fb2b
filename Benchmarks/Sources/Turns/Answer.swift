// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What a program says of its turn: the last line of its output, an object in JSON. The peers in
/// `Benchmarks/peers` write the same.
package struct Answer: Codable, CustomStringConvertible {
  /// Of each timed piece of work by the clock.
  package var seconds: [Double] = []
  /// The same by the time of all processors, user and system.
  package var processorSeconds: [Double] = []
  /// Of each step of a training, in nats a token.
  package var losses: [Double] = []
  /// Shows that others computed the same, or holds what was measured.
  package var check = ""
  /// Operations a second of a matrix product.
  package var peak: Double?

  package init() {}

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    seconds = try values.decode([Double].self, forKey: .seconds)
    processorSeconds = try values.decodeIfPresent([Double].self, forKey: .processorSeconds) ?? []
    losses = try values.decodeIfPresent([Double].self, forKey: .losses) ?? []
    check = try values.decodeIfPresent(String.self, forKey: .check) ?? ""
    peak = try values.decodeIfPresent(Double.self, forKey: .peak)
  }

  package var description: String {
    seconds.map { String(format: "%.2f", $0) }.joined(separator: " ")
      + (check.isEmpty ? "" : " \(check)")
  }

  /// Writes the line.
  package func say() throws {
    print(String(decoding: try JSONEncoder().encode(self), as: UTF8.self))
  }

  /// The last line of an output that is one; `nil` where there is none.
  package init?(lastOf output: String) throws {
    guard let line = output.split(separator: "\n").last(where: { $0.hasPrefix("{") }) else {
      return nil
    }
    self = try JSONDecoder().decode(Answer.self, from: Data(line.utf8))
  }
}
