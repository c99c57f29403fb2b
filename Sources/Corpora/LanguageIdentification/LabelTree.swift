// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The tree of a hierarchical softmax: labels are leaves, frequent ones near the root.
///
/// - Source: Huffman 1952; `loss.cc` of fastText 0.9.2, whose order of equal counts is part of the
///   format.
struct LabelTree: Sendable {
  /// Nodes from `leafCount` on are inner ones, the last is the root.
  private(set) var children: [(left: Int, right: Int)] = []
  let leafCount: Int

  /// - Parameter counts: of each label, which the format has in falling order.
  /// - Returns: `nil` for counts that give no tree.
  init?(counts: [Int]) {
    leafCount = counts.count
    // fastText's count for a node that is not there yet.
    let unknown = 1_000_000_000_000_000
    var sums = counts + [Int](repeating: unknown, count: max(0, counts.count - 1))
    var leaf = counts.count - 1
    var node = counts.count
    for parent in counts.count..<max(counts.count, 2 * counts.count - 1) {
      var pair: [Int] = []
      for _ in 0..<2 {
        if leaf >= 0, sums[leaf] < sums[node] {
          pair.append(leaf)
          leaf -= 1
        } else {
          // Only nodes that are there already.
          guard node < parent else { return nil }
          pair.append(node)
          node += 1
        }
      }
      let (sum, overflow) = sums[pair[0]].addingReportingOverflow(sums[pair[1]])
      guard !overflow else { return nil }
      sums[parent] = sum
      children.append((pair[0], pair[1]))
    }
  }

  /// The probability of every label, from that of going right at each inner node.
  ///
  /// - Parameter right: of inner node number 0, 1, …; a row of the output matrix.
  func probabilities(right: (Int) -> Double) -> [Double] {
    var logs = [Double](repeating: 0, count: leafCount + children.count)
    for (index, pair) in children.enumerated().reversed() {
      let base = logs[leafCount + index]
      let chance = right(index)
      // fastText's logarithm, which keeps 0 finite.
      logs[pair.left] = base + FastTextModel.log(1 - chance)
      logs[pair.right] = base + FastTextModel.log(chance)
    }
    return logs[..<leafCount].map(FastTextModel.exp)
  }
}
