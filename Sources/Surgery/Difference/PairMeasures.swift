// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Tensors

/// How far two models are from each other: sums over the elements of one tensor, or of several.
///
/// Numbers are compared as floats, with differences and sums in f64; −0 equals 0.
public struct PairMeasures: TensorMeasures {
  /// One element that both models have.
  public struct Element: Sendable, Equatable {
    public internal(set) var tensor: String
    /// The position along each axis in the first model.
    public internal(set) var position: [Int]
    /// The token whose row it is in, where rows were matched by token.
    public internal(set) var token: String?
  }

  public internal(set) var elementCount = 0
  /// Elements that are not equal.
  public internal(set) var changedCount = 0
  /// Σ a², Σ b², Σ (a − b)², Σ a·b.
  public internal(set) var squaresOfFirst = 0.0
  public internal(set) var squaresOfSecond = 0.0
  public internal(set) var squaresOfDifference = 0.0
  public internal(set) var product = 0.0
  /// The largest |a − b|, and the first element that has it; `nil` where nothing differs.
  public internal(set) var largest = 0.0
  public internal(set) var largestElement: Element?
  /// The index of that element in the tensor, while a tensor is read.
  var largestIndex = -1

  public init() {}

  /// ‖A‖
  public var firstNorm: Double { squaresOfFirst.squareRoot() }
  /// ‖B‖
  public var secondNorm: Double { squaresOfSecond.squareRoot() }
  /// ‖A − B‖
  public var distance: Double { squaresOfDifference.squareRoot() }
  /// ‖A − B‖ / ‖A‖; `nil` where A is zero and B is not.
  public var relativeChange: Double? {
    if squaresOfDifference == 0 { return 0 }
    return squaresOfFirst > 0 ? distance / firstNorm : nil
  }
  /// A·B / (‖A‖ ‖B‖), −1 to 1; `nil` where either is zero.
  public var cosine: Double? { cosineOf(product, squaresOfFirst, squaresOfSecond) }
  /// The angle between A and B in degrees, 0 to 180; `nil` where either is zero.
  ///
  /// Computed from ‖A − B‖, for the arc cosine of a number near 1 has few digits left.
  public var angle: Double? {
    let scale = firstNorm * secondNorm
    guard scale > 0 else { return nil }
    let lengths = firstNorm - secondNorm
    let half = (squaresOfDifference - lengths * lengths) / (4 * scale)
    return 2 * asin(min(1, max(0, half)).squareRoot()) * 180 / .pi
  }
  /// The share of elements that are not equal; 0 for no elements.
  public var changedShare: Double { shareOf(changedCount, elementCount) }

  public static func + (left: Self, right: Self) -> Self {
    var sum = left
    sum.elementCount += right.elementCount
    sum.changedCount += right.changedCount
    sum.squaresOfFirst += right.squaresOfFirst
    sum.squaresOfSecond += right.squaresOfSecond
    sum.squaresOfDifference += right.squaresOfDifference
    sum.product += right.product
    if right.largest > left.largest {
      sum.largest = right.largest
      sum.largestElement = right.largestElement
      sum.largestIndex = right.largestIndex
    }
    return sum
  }

  /// One block; `start` is the index in the tensor of its first element.
  init(_ first: FloatChunk, _ second: FloatChunk, startingAt start: Int) {
    elementCount = first.count
    squaresOfFirst = Summation.squares(first)
    squaresOfSecond = Summation.squares(second)
    product = Summation.dot(first, second)
    squaresOfDifference = Summation.lanes(count: first.count) { i in
      let difference = Double(first[i]) - Double(second[i])
      return difference * difference
    }
    if squaresOfDifference == 0 { return }
    var changed = 0
    for i in first.indices { changed += first[i] != second[i] ? 1 : 0 }
    changedCount = changed
    for i in first.indices {
      let distance = (Double(first[i]) - Double(second[i])).magnitude
      if distance > largest {
        largest = distance
        largestIndex = start + i
      }
    }
  }
}

func cosineOf(_ product: Double, _ first: Double, _ second: Double) -> Double? {
  // One root of the product, so that equal tensors give exactly 1.
  let scale = (first * second).squareRoot()
  return scale > 0 ? min(1, max(-1, product / scale)) : nil
}

func shareOf(_ part: Int, _ whole: Int) -> Double {
  whole > 0 ? Double(part) / Double(whole) : 0
}
