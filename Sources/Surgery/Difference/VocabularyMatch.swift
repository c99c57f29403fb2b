// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// Which tokens some models share, to compare rows of their vocabularies token by token.
struct VocabularyMatch {
  /// How rows of two models were brought together.
  typealias Rows = ModelDifference.RowMatch

  private let documents: [TokenizerDocument?]
  /// What kept tokenizers from being read.
  private(set) var notes: [String] = []

  /// A tokenizer that cannot be read counts as none, with a note.
  init(_ models: [Checkpoint]) {
    var documents: [TokenizerDocument?] = []
    var first: [UInt8]?
    for model in models {
      do throws(MergeError) {
        // Children mostly have the base's file, and large ones take seconds to read.
        let bytes = Self.bytes(of: model)
        if let bytes, bytes == first, let known = documents[0] {
          documents.append(known)
          continue
        }
        if documents.isEmpty { first = bytes }
        documents.append(try TokenizerDocument(model))
      } catch {
        documents.append(nil)
        notes.append("\(model.origin): \(error.diagnosis.what)")
      }
    }
    self.documents = documents
  }

  /// Of tokenizer.json; a file that cannot be read is told by who needs it.
  private static func bytes(of model: Checkpoint) -> [UInt8]? {
    guard let file = model.tokenizerFiles.first(where: { $0.name == "tokenizer.json" }) else {
      return nil
    }
    do throws(CheckpointError) { return try file.bytes() } catch { return nil }
  }

  /// Of the first two models; `nil` where either has no tokenizer, or where they agree.
  var difference: VocabularyDifference? {
    guard let first = documents[0], let second = documents[1],
      !Self.areSame([first, second])
    else { return nil }
    var found = VocabularyDifference()
    for entry in first.entries {
      switch second.id(of: entry.text) {
      case nil: found.onlyInFirst.append(entry.text)
      case entry.id: found.sameCount += 1
      default: found.movedCount += 1
      }
    }
    found.onlyInSecond = second.entries.map(\.text).filter { first.id(of: $0) == nil }
    return found
  }

  /// The sources with the rows of shared tokens only, in the order of the first; as they are where
  /// all have the same tokens at the same ids and equally many rows, or where a model without a
  /// tokenizer has as many rows as the others.
  ///
  /// - Parameters:
  ///   - sources: alike but on `axis`.
  ///   - positions: which models they are of.
  /// - Returns: `nil` where rows cannot be matched.
  func aligned(
    _ sources: [TensorSource], of positions: [Int], axis: Int
  ) -> (sources: [TensorSource], ids: [Int], rows: Rows?, texts: [String])? {
    let sizes = sources.map { $0.info.shape[axis] }
    let isOneSize = sizes.allSatisfy { $0 == sizes[0] }
    let known = positions.map { documents[$0] }
    let found = known.compactMap { $0 }
    if isOneSize, found.count < known.count || Self.areSame(found) {
      return (sources, [], nil, [])
    }
    guard found.count == known.count else { return nil }
    var ids: [[Int32]] = sources.map { _ in [] }
    var texts: [String] = []
    for entry in found[0].entries where entry.id < sizes[0] {
      let own = found.map { $0.id(of: entry.text) ?? .max }
      guard zip(own, sizes).allSatisfy({ $0 >= 0 && $0 < $1 }) else { continue }
      for index in own.indices { ids[index].append(Int32(own[index])) }
      texts.append(entry.text)
    }
    let gathered = sources.indices.map { index in
      RowGather.source(
        RowSources(own: ids[index], defaults: [:], padding: 0), [sources[index]], position: 0,
        axis: axis)
    }
    return (
      gathered, ids[0].map(Int.init),
      Rows(shared: texts.count, first: sizes[0], second: sizes[1]), texts
    )
  }

  /// Whether all have the same tokens at the same ids.
  private static func areSame(_ documents: [TokenizerDocument]) -> Bool {
    guard let first = documents.first else { return true }
    return documents.dropFirst().allSatisfy { other in
      other.entries.count == first.entries.count
        && zip(first.entries, other.entries).allSatisfy {
          $0.id == $1.id && $0.text.utf8.elementsEqual($1.text.utf8)
        }
    }
  }
}
