// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// The lengths that tokens have, in bytes: where one is cut in two, both parts must have one of them.
///
/// Looking a part up costs its length, so that trying every cut of a token of a million bytes, as a
/// damaged file may have, would take hours.
struct TokenLengths {
  private var isThere: [Bool]

  init(_ lengths: some Sequence<Int>) {
    isThere = []
    for length in lengths {
      if length >= isThere.count {
        isThere += repeatElement(false, count: length + 1 - isThere.count)
      }
      isThere[length] = true
    }
  }

  /// Whether both parts may be tokens.
  @inline(__always)
  func allowCut(of length: Int, at cut: Int) -> Bool { isThere[cut] && isThere[length - cut] }
}
