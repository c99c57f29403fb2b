// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

// From planned tensors to lazy ones.

extension Merge {
  /// The lazy source of a merged tensor of type `type`.
  ///
  /// - Parameters:
  ///   - differences: the positions of sources that are changes of the base.
  ///   - isRounded: whether its readers round to `type`; others give what was computed, and whoever
  ///     writes the tensor rounds.
  static func source(
    _ name: String, _ place: TensorPlace, base: TensorSource?, _ sources: [TensorSource],
    differences: Set<Int>, _ merger: any MergeMethod, isVocabulary: Bool,
    statistics: PlannedStatistics? = nil, log: MergeLog? = nil, as type: ElementType,
    isRounded: Bool
  ) -> TensorSource {
    let all = (base.map { [$0] } ?? []) + sources
    let info = TensorInfo(elementType: type, shape: all[0].info.shape)
    let origins = all.map(\.origin)
    return TensorSource(info: info, origin: "merge of \(origins.joined(separator: ", "))") {
      () throws(CheckpointError) in
      var readers: [any TensorReader] = []
      for source in sources { readers.append(try source.prepare()) }
      let group = TensorGroup(
        name: name, shape: info.shape, place: place, base: try base?.prepare(), sources: readers,
        differences: differences, origins: origins, isVocabulary: isVocabulary,
        statistics: try statistics?.prepare())
      return try reader(merger, group, log: log, as: isRounded ? type : .float32)
    }
  }

  /// Lets a method say how a tensor comes about.
  static func reader(
    _ merger: some MergeMethod, _ group: TensorGroup, log: MergeLog? = nil, as type: ElementType
  ) throws(CheckpointError) -> any TensorReader {
    var sink = TensorSink()
    try merger.merge(group, into: &sink)
    if !sink.notes.isEmpty { log?.add(sink.notes, tensor: group.name) }
    guard let reader = sink.reader(of: group, as: type) else {
      preconditionFailure("\(Swift.type(of: merger).card.id) has said nothing of the elements")
    }
    return reader
  }

  /// The source of a buffer that must be the same in all models; that is found out when it is
  /// read.
  static func equalBuffer(_ name: String, _ parts: [TensorSource]) -> TensorSource {
    TensorSource(info: parts[0].info, origin: parts[0].origin) { () throws(CheckpointError) in
      var readers: [any TensorReader] = []
      for part in parts { readers.append(try part.prepare()) }
      let info = parts[0].info
      for range in chunkRanges(count: info.shape.elementCount) {
        var first: [UInt8] = []
        for (position, reader) in readers.enumerated() {
          let bytes = try reader.bytes(range, as: info.elementType)
          if position == 0 { first = bytes }
          guard bytes != first else { continue }
          throw .operation(
            Diagnosis(
              what: "The buffer `\(name)` of type \(info.elementType.rawValue) differs between "
                + "the models; only floats can be merged.",
              where: "\(parts[0].origin) and \(parts[position].origin)",
              next: "Give the models the same buffer, or remove it."))
        }
      }
      return readers[0]
    }
  }
}
