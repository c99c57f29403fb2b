// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

extension Checkpoint {
  /// The blueprint of the checkpoint's architecture.
  public var blueprint: Blueprint {
    get throws(CheckpointError) { try Blueprint.of(config, origin: origin) }
  }

  /// Refuses a model whose config ties the head to the embedding while the files hold a head that
  /// differs: some readers would take the one, some the other.
  ///
  /// Reads both where both are there, up to the first difference.
  package func checkTiedHead() throws(CheckpointError) {
    let (embedding, head) = ("model.embed_tokens.weight", "lm_head.weight")
    guard let blueprint = try? blueprint, blueprint.tiesWordEmbeddings(config),
      let first = info(embedding), let second = info(head), first.shape == second.shape
    else { return }
    let readers = (try source(embedding).prepare(), try source(head).prepare())
    for range in chunkRanges(count: first.shape.elementCount) {
      let isEqual = try withWorkspace(count: 2 * range.count) {
        (memory) throws(CheckpointError) -> Bool in
        let (left, right) = (memory[0..<range.count], memory[range.count..<(2 * range.count)])
        try readers.0.read(from: range.lowerBound, into: left)
        try readers.1.read(from: range.lowerBound, into: right)
        return left.indices.allSatisfy { left[$0] == right[$0] }
      }
      guard isEqual else {
        throw .config(
          key: "tie_word_embeddings", origin: origin,
          expected: "false, for `\(head)` differs from `\(embedding)`", found: "true")
      }
    }
  }

  /// Checks the weights against `config.json`: every tensor it calls for is there, has its shape and
  /// a float type, and no other tensor is.
  ///
  /// Reads no weights; see ``checkFinite(threads:)`` for those.
  public func validate() throws(CheckpointError) {
    let blueprint = try blueprint
    let expectations = try blueprint.expectations(config, origin: origin)
    let expected = Set(expectations.map(\.name))
    let strangers = names.filter { name in
      !expected.contains(name) && !blueprint.ignoredSuffixes.contains { name.hasSuffix($0) }
    }
    for expectation in expectations {
      guard let info = info(expectation.name) else {
        if !expectation.isRequired { continue }
        throw .missingTensor(
          expectation.name, shape: expectation.shape, origin: origin,
          nearest: nearestName(to: expectation.name, in: strangers))
      }
      guard info.shape == expectation.shape else {
        throw .wrongShape(
          tensor: expectation.name, expected: expectation.shape, found: info.shape,
          origin: try source(expectation.name).origin)
      }
      guard info.elementType.isFloatingPoint else {
        throw .integerWeights(
          info.elementType, tensor: expectation.name,
          origin: try source(expectation.name).origin)
      }
    }
    if let name = strangers.first, let info = info(name) {
      let absent = expected.filter { self.info($0) == nil }.sorted()
      throw .unexpectedTensor(
        name, shape: info.shape, origin: origin, nearest: nearestName(to: name, in: absent))
    }
  }
}
