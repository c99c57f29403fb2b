// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Where in one random stream each tensor's numbers begin.
///
/// mergekit draws from a single generator, tensor after tensor in its order of execution. To merge
/// tensors in any other order, or at once, one pass over the counts finds every tensor's start.
///
/// Memory: 2.5 kB for each tensor that draws.
public struct MergekitStream: Sendable {
  private let starts: [String: MersenneTwister]

  /// Walks the stream of `seed` through `draws`, which are in mergekit's order of execution
  /// (executionOrder(_:label:)); MergekitExact/drawCount(method:parameters:elementCount:)
  /// counts. A tensor's name occurs once.
  public init(seed: UInt64, draws: [(tensor: String, count: Int)]) {
    var generator = MersenneTwister(seed: seed)
    var starts: [String: MersenneTwister] = [:]
    starts.reserveCapacity(draws.count)
    for (tensor, count) in draws {
      let previous = starts.updateValue(generator, forKey: tensor)
      precondition(previous == nil, "the tensor \(tensor) stands twice in the order")
      generator.advance(draws: count)
    }
    self.starts = starts
  }

  /// The generator as it stands when mergekit comes to `tensor`; `nil` if it was not in the list.
  public func generator(for tensor: String) -> MersenneTwister? { starts[tensor] }

  /// Sorts as mergekit executes tensors of different labels: by label, the largest of the names that
  /// the inputs have for a tensor, in the order of Unicode scalars ("layers.10." before "layers.2.").
  /// Equal labels, as of layers that are used twice, keep their order here; plans find mergekit's.
  public static func executionOrder<Item>(
    _ items: [Item], label: (Item) -> String
  ) -> [Item] {
    // UTF-8 sorts as the scalars do; Swift's own order of strings does not.
    let keyed = items.enumerated().map { (key: Array(label($1).utf8), offset: $0, item: $1) }
    return keyed.sorted { left, right in
      if left.key == right.key { return left.offset < right.offset }
      return left.key.lexicographicallyPrecedes(right.key)
    }.map(\.item)
  }
}
