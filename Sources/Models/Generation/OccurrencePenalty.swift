// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Discourages tokens by how often they are in the answer; the prompt does not count.
///
///     s′ = s − frequency · count − (presence if count > 0)
///
/// - Source: the parameters `frequency_penalty` and `presence_penalty` of OpenAI's API; that the
///   prompt does not count is vLLM's reading of them.
/// - Departs: no limit of ±2 on either number.
public struct OccurrencePenalty: LogitsProcessor {
  private let frequency: Float
  private let presence: Float

  public init(frequency: Double, presence: Double) {
    self.frequency = Float(frequency)
    self.presence = Float(presence)
  }

  public func process(_ scores: inout [Float], after history: TokenHistory) {
    var counts: [Int32: Int] = [:]
    for id in history.generated { counts[id, default: 0] += 1 }
    for (id, count) in counts where scores.indices.contains(Int(id)) {
      scores[Int(id)] -= frequency * Float(count) + presence
    }
  }
}
