// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Excludes the tokens that end a text until it has some length.
///
/// - Source: transformers' `MinNewTokensLengthLogitsProcessor` (5.23).
/// - Departs: nothing.
public struct MinimumLength: LogitsProcessor {
  private let count: Int
  private let stopIDs: Set<Int32>

  /// - Parameter count: so many new tokens before any of `stopIDs`.
  public init(_ count: Int, stopIDs: Set<Int32>) {
    self.count = count
    self.stopIDs = stopIDs
  }

  public func process(_ scores: inout [Float], after history: TokenHistory) {
    guard history.generated.count < count else { return }
    for id in stopIDs where scores.indices.contains(Int(id)) { scores[Int(id)] = -.infinity }
  }
}
