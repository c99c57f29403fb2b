// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// All tokens of a tokenizer, those of the model and the added ones, by id and by text.
///
/// Ids may leave gaps: trimmed vocabularies do, and embeddings padded to round sizes.
struct Vocabulary: Sendable {
  /// How many ids may be without a token: tables have a row for every id.
  private static let gapLimit = 1_000_000

  /// The token of each id; empty where no token has the id.
  let tokens: [String]
  /// In the order of ids.
  private let table: ByteTable
  /// The id of each number of `table`; empty when both are the same.
  private let ids: [Int32]
  private let states: [State]

  private enum State: UInt8 { case gap, added, own }

  /// The tokens of a model alone.
  init(
    _ entries: some Sequence<(token: String, id: Int)>, origin: String
  ) throws(TokenizationError) {
    try self.init(entries, added: [], origin: origin)
  }

  /// - Parameters:
  ///   - entries: the model's tokens; each id and each token once.
  ///   - added: tokens that are searched before the model sees the text. One that the model has
  ///     too must have the same id; others must have the ids that Hugging Face tokenizers gives
  ///     them, whatever the file says: the next ones after the model's.
  init(
    _ entries: some Sequence<(token: String, id: Int)>, added: [(token: String, id: Int)],
    origin: String
  ) throws(TokenizationError) {
    var byToken = ByteTable()
    var all: [(token: String, id: Int, state: State)] = []
    for entry in entries {
      let (index, isNew) = byToken.intern(Array(entry.token.utf8)[...])
      if isNew {
        all.append((entry.token, entry.id, .own))
      } else if all[index].id != entry.id {
        throw .duplicateToken(
          entry.token, first: all[index].id, second: entry.id, origin: origin)
      }
    }
    let ownCount = all.count
    var largestAdded = -1
    for entry in added {
      let (index, isNew) = byToken.intern(Array(entry.token.utf8)[...])
      if isNew {
        let next = largestAdded >= ownCount ? largestAdded + 1 : ownCount
        guard entry.id == next else {
          throw .addedTokenID(entry.token, id: entry.id, expected: next, origin: origin)
        }
        all.append((entry.token, entry.id, .added))
      } else if all[index].id != entry.id {
        throw .duplicateToken(
          entry.token, first: all[index].id, second: entry.id, origin: origin)
      }
      largestAdded = max(largestAdded, entry.id)
    }
    let limit = all.count + Self.gapLimit
    var size = 0
    for entry in all {
      guard entry.id < limit else {
        throw .idTooLarge(entry.id, token: entry.token, limit: limit, origin: origin)
      }
      size = max(size, entry.id + 1)
    }
    var indexOfID = [Int32](repeating: -1, count: size)
    for (index, entry) in all.enumerated() {
      if indexOfID[entry.id] >= 0 {
        throw .duplicateID(
          entry.id, first: all[Int(indexOfID[entry.id])].token, second: entry.token,
          origin: origin)
      }
      indexOfID[entry.id] = Int32(index)
    }
    var tokens: [String] = []
    var states: [State] = []
    var ids: [Int32] = []
    var table = ByteTable(minimumCapacity: all.count)
    tokens.reserveCapacity(size)
    states.reserveCapacity(size)
    for (id, index) in indexOfID.enumerated() {
      guard index >= 0 else {
        tokens.append("")
        states.append(.gap)
        continue
      }
      let entry = all[Int(index)]
      tokens.append(entry.token)
      states.append(entry.state)
      ids.append(Int32(id))
      _ = table.intern(Array(entry.token.utf8)[...])
    }
    self.tokens = tokens
    self.states = states
    self.table = table
    self.ids = ids.count == size ? [] : ids
  }

  /// One more than the largest id.
  var count: Int { tokens.count }

  /// Whether some token has this id.
  func contains(_ id: Int32) -> Bool { states.indices.contains(Int(id)) && states[Int(id)] != .gap }

  /// The ids of the model's own tokens, ascending.
  var ownIDs: [Int32] {
    states.indices.compactMap { states[$0] == .own ? Int32($0) : nil }
  }

  /// The id of a token's text, compared scalar by scalar.
  func id(of token: String) -> Int32? { id(of: Array(token.utf8)[...]) }

  /// The id of a token's UTF-8.
  func id(of token: ArraySlice<UInt8>) -> Int32? {
    table.find(token).map { ids.isEmpty ? Int32($0) : ids[$0] }
  }

  /// The id of a token that is the model's own.
  func ownID(of token: ArraySlice<UInt8>) -> Int32? {
    guard let id = id(of: token), states[Int(id)] == .own else { return nil }
    return id
  }

  /// The id of a token that is the model's own.
  func ownID(of token: String) -> Int32? { ownID(of: Array(token.utf8)[...]) }
}
