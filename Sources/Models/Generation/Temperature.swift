// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Divides every score by a temperature: below 1 likely tokens become likelier.
///
/// - Source: transformers' `TemperatureLogitsWarper` (5.23). Departs: nothing.
public struct Temperature: LogitsProcessor {
  private let temperature: Float

  /// - Parameter temperature: above 0.
  public init(_ temperature: Double) {
    precondition(temperature > 0, "a temperature of 0 is greedy, which needs no scaling")
    self.temperature = Float(temperature)
  }

  public func process(_ scores: inout [Float], after history: TokenHistory) {
    for index in scores.indices { scores[index] /= temperature }
  }
}
