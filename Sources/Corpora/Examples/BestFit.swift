// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Best-fit-decreasing bin packing.
enum BestFit {
  /// Packs items into bins of one capacity: by falling length (equal ones in their order), each into
  /// the fullest bin that still holds it (of equally full ones the first), else into a new one.
  ///
  /// - Parameters:
  ///   - lengths: 1 to `capacity` each.
  /// - Returns: the items of each bin, in the order they were put there.
  /// - Cost: O(n log n + n · capacity / 64), by one bit for each remaining room that a bin has.
  static func pack(_ lengths: [Int], capacity: Int) -> [[Int]] {
    var bins: [[Int]] = []
    // The bins with a given room left, the first on top.
    var byRoom = [[Int]](repeating: [], count: capacity + 1)
    var rooms = [UInt64](repeating: 0, count: capacity / 64 + 1)
    let order = lengths.indices.sorted { (-lengths[$0], $0) < (-lengths[$1], $1) }
    for item in order {
      let length = lengths[item]
      precondition(length > 0 && length <= capacity)
      var room = capacity
      let bin: Int
      if let tightest = firstBit(in: rooms, from: length) {
        room = tightest
        bin = byRoom[room].removeLast()
        if byRoom[room].isEmpty { rooms[room / 64] &= ~(1 << UInt64(room % 64)) }
      } else {
        bin = bins.count
        bins.append([])
      }
      bins[bin].append(item)
      let left = room - length
      if left > 0 {
        let place = byRoom[left].firstIndex { $0 < bin } ?? byRoom[left].count
        byRoom[left].insert(bin, at: place)
        rooms[left / 64] |= 1 << UInt64(left % 64)
      }
    }
    return bins
  }

  private static func firstBit(in words: [UInt64], from start: Int) -> Int? {
    var index = start / 64
    guard index < words.count else { return nil }
    var word = words[index] & (~0 << UInt64(start % 64))
    while word == 0 {
      index += 1
      guard index < words.count else { return nil }
      word = words[index]
    }
    return index * 64 + word.trailingZeroBitCount
  }
}
