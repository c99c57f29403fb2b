// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// All tokens of a tokenizer, those of the model and the added ones, by id and by text.
struct Vocabulary: Sendable {
  /// The token of each id.
  let tokens: [String]
  private let table: ByteTable

  /// Ids must run from 0 without gaps, each with one token; a token listed twice must have the same
  /// id both times, as an added token that also stands in the model's vocabulary has.
  init(
    _ entries: some Sequence<(token: String, id: Int)>, origin: String
  ) throws(TokenizationError) {
    var byToken = ByteTable()
    var ids: [Int] = []
    var names: [String] = []
    for entry in entries {
      let (index, isNew) = byToken.intern(Array(entry.token.utf8)[...])
      if isNew {
        ids.append(entry.id)
        names.append(entry.token)
      } else if ids[index] != entry.id {
        throw .duplicateToken(entry.token, first: ids[index], second: entry.id, origin: origin)
      }
    }
    var indexOfID = [Int](repeating: -1, count: ids.count)
    for (index, id) in ids.enumerated() {
      // An id beyond the count leaves a gap below it, reported after the loop.
      guard ids.indices.contains(id) else { continue }
      if indexOfID[id] >= 0 {
        throw .duplicateID(id, first: names[indexOfID[id]], second: names[index], origin: origin)
      }
      indexOfID[id] = index
    }
    if let missing = indexOfID.firstIndex(of: -1) {
      throw .missingID(missing, tokenCount: ids.count, origin: origin)
    }
    var ordered: [String] = []
    var table = ByteTable(minimumCapacity: ids.count)
    for index in indexOfID {
      ordered.append(names[index])
      _ = table.intern(Array(names[index].utf8)[...])
    }
    tokens = ordered
    self.table = table
  }

  /// How many tokens there are.
  var count: Int { tokens.count }

  /// The id of a token's text, compared scalar by scalar.
  func id(of token: String) -> Int32? { table.find(token).map(Int32.init) }

  /// The id of a token's UTF-8.
  func id(of token: ArraySlice<UInt8>) -> Int32? { table.find(token).map(Int32.init) }
}
