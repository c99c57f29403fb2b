// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  /// Keys and values of the tokens seen so far, per layer: (B, S, G, K), keys already rotated.
  ///
  /// All rows have the same length S. Texts of unequal length are padded on the left: row b begins
  /// at column `starts[b]`, its positions count from there, and what stands before is never seen by
  /// its tokens. The ids of the padding may be any of the vocabulary; the hidden states there are
  /// finite and mean nothing.
  package final class KeyValueCache {
    let layers: [Layer]
    /// The column at which each row's text begins; `nil` where all begin at 0.
    package private(set) var starts: [Int]?

    /// An empty cache.
    ///
    /// - Parameter starts: how many columns of padding each row has on its left, at least 0, also
    ///   more than the first call's; `nil` for none.
    package init(layerCount: Int, starts: [Int]? = nil) {
      precondition(starts?.allSatisfy { $0 >= 0 } ?? true, "padding of no or more columns")
      layers = (0..<layerCount).map { _ in Layer() }
      self.starts = starts.flatMap { $0.contains { $0 > 0 } ? $0 : nil }
    }

    /// S: how many columns it holds, padding included.
    package var length: Int { layers.first?.length ?? 0 }

    /// Drops all rows but those of these indices, in this order; an index may come twice.
    package func keep(rows: [Int]) throws {
      for layer in layers { try layer.keep(rows) }
      starts = starts.map { starts in rows.map { starts[$0] } }
    }

    /// The positions of the next `count` columns.
    func positions(next count: Int) -> TokenPositions {
      TokenPositions(first: length, count: count, starts: starts)
    }

    /// All arrays, to be evaluated with each step so that no graph grows.
    package var arrays: [DeviceArray] { layers.flatMap(\.arrays) }
  }

  /// Where the tokens of one call stand in their texts.
  struct TokenPositions: Equatable {
    /// The column of the first token.
    var first = 0
    /// L
    var count: Int
    /// The column at which each row's text begins; `nil` where all begin at 0.
    var starts: [Int]?

    /// One past the last position of any row: how long the longest text is now.
    var end: Int { first + count - (starts?.min() ?? 0) }

    /// (L), or (B, L) where rows begin at different columns; 0 in the padding.
    var numbers: (values: [Int32], shape: [Int]) {
      let columns = first..<first + count
      guard let starts else { return (columns.map { Int32($0) }, [count]) }
      return (
        starts.flatMap { start in columns.map { Int32(max(0, $0 - start)) } },
        [starts.count, count]
      )
    }
  }
#endif
