// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Keeps the k highest scores, and all equal to the kth.
///
/// - Source: transformers' `TopKLogitsWarper` (5.23). Departs: nothing.
/// - Cost: one pass with a heap of k scores.
public struct TopK: LogitsProcessor {
  private let count: Int

  /// - Parameter count: at least 1; more than there are tokens keeps all.
  public init(_ count: Int) {
    precondition(count >= 1, "at least one token must stay")
    self.count = count
  }

  public func process(_ scores: inout [Float], after history: TokenHistory) {
    guard count < scores.count else { return }
    let limit = Self.highest(count, of: scores)
    for index in scores.indices where scores[index] < limit { scores[index] = -.infinity }
  }

  /// The kth highest score.
  static func highest(_ count: Int, of scores: [Float]) -> Float {
    // The lowest of the best so far on top.
    var heap = Array(scores[..<count])
    func sink(_ start: Int) {
      var parent = start
      while 2 * parent + 1 < heap.count {
        var child = 2 * parent + 1
        if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
        guard heap[child] < heap[parent] else { return }
        heap.swapAt(child, parent)
        parent = child
      }
    }
    for start in stride(from: count / 2, through: 0, by: -1) { sink(start) }
    for score in scores[count...] where score > heap[0] {
      heap[0] = score
      sink(0)
    }
    return heap[0]
  }
}
