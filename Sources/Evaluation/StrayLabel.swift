// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// A label that is probably a misspelt one, in a task whose choices are the labels of its training
/// rows: there a slip in one row would silently become a choice of every question.
///
/// A label is stray if it stands in exactly one training row, in no row of the other splits, and
///
/// - is spelt nearly like a label of at least ten training rows, from which it differs in more than
///   digits, or
/// - every other label stands in at least ten training rows.
///
/// So these pass: a rare class that is tested; the end of a long tail (other classes are rare, too);
/// a few examples of each class; numbered classes. A slip that occurs twice passes as well.
public struct StrayLabel: Equatable, Sendable {
  /// As the row spells it.
  public let label: String
  /// The position of its row among the training rows, from 0.
  public let position: Int
  /// The label that was probably meant.
  public let nearest: String?

  /// Rows that make a label established.
  private static let establishedCount = 10

  /// The first stray label of the training rows, or `nil`.
  /// - Parameters:
  ///   - labels: of the training rows, in their order.
  ///   - others: all labels of the other splits in the same language.
  public init?(among labels: [String], notIn others: Set<String>) {
    let counts = labels.reduce(into: [String: Int]()) { $0[$1, default: 0] += 1 }
    let singles = Set(counts.filter { $0.value == 1 && !others.contains($0.key) }.keys)
    let established = counts.filter { $0.value >= Self.establishedCount }.keys.sorted()
    guard !established.isEmpty else { return nil }
    for (position, label) in labels.enumerated() where singles.contains(label) {
      let nearest = nearestName(
        to: label, in: established.filter { Self.letters($0) != Self.letters(label) })
      guard nearest != nil || established.count == counts.count - 1 else { continue }
      (self.label, self.position, self.nearest) = (label, position, nearest)
      return
    }
    return nil
  }

  private static func letters(_ label: String) -> String { label.filter { !$0.isNumber } }
}
