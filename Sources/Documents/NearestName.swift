// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The name in `candidates` that `name` was most likely meant to be, or `nil` when none is near.
///
/// Distance: Damerau–Levenshtein (optimal string alignment) over characters, ignoring case;
/// near means at most a third of the longer name's length, at least 1, at most 4, and something of
/// the name must remain. The first candidate wins a tie. Names of more than 200 characters, which
/// nobody has typed, are near none.
public func nearestName(to name: String, in candidates: some Sequence<String>) -> String? {
  // The comparison takes the product of the lengths, and a damaged file's names may have millions.
  let lengthLimit = 200
  guard name.utf8.count <= 4 * lengthLimit else { return nil }
  let wanted = Array(name.lowercased())
  guard wanted.count <= lengthLimit else { return nil }
  var best: (name: String, distance: Int)?
  for candidate in candidates where candidate.utf8.count <= 4 * lengthLimit {
    let other = Array(candidate.lowercased())
    let longer = max(wanted.count, other.count)
    let limit = min(4, max(1, longer / 3), longer - 1)
    guard abs(wanted.count - other.count) <= limit else { continue }
    let distance = alignmentDistance(wanted, other)
    if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
  }
  return best?.name
}

private func alignmentDistance(_ a: [Character], _ b: [Character]) -> Int {
  var beforeLast: [Int] = []
  var last = Array(0...b.count)
  for i in 0..<a.count {
    var row = [i + 1]
    row.reserveCapacity(b.count + 1)
    for j in 0..<b.count {
      var cost = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
        cost = min(cost, beforeLast[j - 1] + 1)
      }
      row.append(cost)
    }
    beforeLast = last
    last = row
  }
  return last[b.count]
}
