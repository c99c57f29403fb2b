// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The extents of a tensor, outermost first; empty for a scalar.
///
/// A shape always has an element count that fits in `Int`, so nothing after its making overflows.
public struct Shape: Sendable, Hashable, CustomStringConvertible {
  /// Extents along each axis; none is negative.
  public let extents: [Int]
  /// The product of the extents: 1 for a scalar, 0 when any extent is 0.
  public let elementCount: Int

  /// Checks `extents`; `nil` when one is negative or their product exceeds `Int`.
  public init?(checking extents: [Int]) {
    var product = 1
    var isEmpty = false
    for extent in extents {
      if extent < 0 { return nil }
      if extent == 0 {
        isEmpty = true
        continue
      }
      let (value, overflow) = product.multipliedReportingOverflow(by: extent)
      if overflow { return nil }
      product = value
    }
    self.extents = extents
    elementCount = isEmpty ? 0 : product
  }

  /// A shape that our own code builds; traps on a negative extent or an overflowing product.
  public init(_ extents: [Int]) {
    guard let shape = Shape(checking: extents) else {
      preconditionFailure("extents \(extents) are negative or overflow")
    }
    self = shape
  }

  /// The number of axes.
  public var rank: Int { extents.count }

  public subscript(axis: Int) -> Int { extents[axis] }

  /// As written in error messages and in Python: `[32, 64]`.
  public var description: String { "\(extents)" }

  public static func == (left: Shape, right: Shape) -> Bool { left.extents == right.extents }

  public func hash(into hasher: inout Hasher) { hasher.combine(extents) }
}

extension Shape: ExpressibleByArrayLiteral {
  public init(arrayLiteral elements: Int...) { self.init(elements) }
}
