// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

/// A model as a value: an immutable, lazy map from tensor name to tensor, with its config and the
/// files of its tokenizer.
///
/// Opening reads headers only; an operator of `Surgery` makes a checkpoint that has computed
/// nothing yet. Elements come into being in ``floats(_:threads:)`` or when a ``CheckpointWriter``
/// streams them out, and both give the same numbers.
public struct Checkpoint: Sendable {
  /// A file that belongs to the model but holds no weights, such as `tokenizer.json`.
  public struct CompanionFile: Sendable, Hashable {
    /// The name it has in a checkpoint folder.
    public let name: String
    /// Where its bytes are now; for a file an operator made, the name they will have.
    public let path: String
    /// The bytes of a file that an operator made and no folder holds yet.
    private let contents: [UInt8]?

    init(name: String, path: String) {
      self.name = name
      self.path = path
      contents = nil
    }

    /// A file made by an operator.
    package init(name: String, contents: [UInt8]) {
      self.name = name
      path = name
      self.contents = contents
    }

    /// The folder that holds it; `nil` for a file that an operator made.
    package var folder: String? {
      guard contents == nil, path.utf8.count > name.utf8.count else { return nil }
      return String(path.dropLast(name.count))
    }

    /// The file's content.
    package func bytes() throws(CheckpointError) -> [UInt8] {
      if let contents { return contents }
      return try FileSystem.read(path)
    }
  }

  /// The tensors' names, sorted.
  public let names: [String]
  /// `config.json`, with unknown keys and the text of numbers kept.
  public let config: JSON
  /// The folder it was opened from, or the operator that made it; for messages.
  public let origin: String
  /// Tokenizer, chat template and generation settings, sorted by name.
  public let tokenizerFiles: [CompanionFile]
  /// How the folder that it was opened from is quantised; `nil` where it is not.
  public let quantization: Quantization?
  private let sources: [String: TensorSource]

  package init(
    config: JSON, origin: String, quantization: Quantization? = nil,
    sources: [String: TensorSource], tokenizerFiles: [CompanionFile]
  ) {
    names = sources.keys.sorted()
    self.config = config
    self.origin = origin
    self.quantization = quantization
    self.sources = sources
    self.tokenizerFiles = tokenizerFiles
  }

  /// Type and shape of a tensor; `nil` when there is none of that name.
  public func info(_ name: String) -> TensorInfo? { sources[name]?.info }

  /// The number of weights: elements of all float tensors.
  public var parameterCount: Int {
    names.reduce(0) { sum, name in
      guard let info = info(name), info.elementType.isFloatingPoint else { return sum }
      return sum + info.shape.elementCount
    }
  }

  /// The size of all tensors on disk.
  public var byteCount: Int { names.reduce(0) { $0 + (info($1)?.byteCount ?? 0) } }

  /// All elements of a tensor as floats, in row-major order.
  ///
  /// A lazy tensor is computed now, and again at the next call. Its numbers are rounded to its
  /// element type, so they are those a written and reopened checkpoint would give.
  /// - Parameter threads: how many may compute; `nil` for one per processor. The numbers do not
  ///   depend on it.
  public func floats(_ name: String, threads: Int? = nil) throws(CheckpointError) -> [Float] {
    let source = try source(name)
    let reader = try source.prepare()
    let count = source.info.shape.elementCount
    var result = [Float](repeating: 0, count: count)
    try result.withMutableChunk { (output) throws(CheckpointError) in
      let ranges = chunkRanges(count: count)
      try Parallel.forEach(count: ranges.count, threads: threads) {
        (index) throws(CheckpointError) in
        let range = ranges[index]
        try reader.read(from: range.lowerBound, into: output[range])
      }
    }
    return result
  }

  /// Computes all elements of a tensor and keeps none: to see that it can be done, and how long it
  /// takes.
  package func compute(_ name: String, threads: Int? = nil) throws(CheckpointError) {
    let source = try source(name)
    let reader = try source.prepare()
    let ranges = chunkRanges(count: source.info.shape.elementCount)
    try Parallel.forEach(count: ranges.count, threads: threads) {
      (index) throws(CheckpointError) in
      _ = try reader.bytes(ranges[index], as: source.info.elementType)
    }
  }

  /// The source of a tensor, or an error with the nearest name.
  package func source(_ name: String) throws(CheckpointError) -> TensorSource {
    guard let source = sources[name] else {
      throw .noTensor(name, origin: origin, nearest: nearestName(to: name, in: names))
    }
    return source
  }

  /// The same weights under another config.
  public func replacing(config: JSON) -> Checkpoint {
    Checkpoint(config: config, origin: origin, sources: sources, tokenizerFiles: tokenizerFiles)
  }

  /// The same weights with the tokenizer files that lie in `directory`.
  public func replacingTokenizer(
    fromDirectory directory: String
  ) throws(CheckpointError) -> Checkpoint {
    Checkpoint(
      config: config, origin: origin, sources: sources,
      tokenizerFiles: try Self.tokenizerFiles(in: directory))
  }

  /// Throws for the first NaN or infinity, in order of name and element, naming both.
  ///
  /// Cost: reads (or computes) every weight once; `threads` at a time.
  public func checkFinite(threads: Int? = nil) throws(CheckpointError) {
    for name in names {
      let source = try source(name)
      guard source.info.elementType.isFloatingPoint else { continue }
      let reader = try source.prepare()
      let ranges = chunkRanges(count: source.info.shape.elementCount)
      try Parallel.forEach(count: ranges.count, threads: threads) {
        (index) throws(CheckpointError) in
        let range = ranges[index]
        try withWorkspace(count: range.count) { (chunk) throws(CheckpointError) in
          try reader.read(from: range.lowerBound, into: chunk)
          if Elementwise.isFinite(chunk.reading) { return }
          for i in chunk.indices where !chunk[i].isFinite {
            throw .notFinite(
              tensor: name, index: range.lowerBound + i, value: "\(chunk[i])",
              origin: source.origin)
          }
        }
      }
    }
  }
}

/// The ranges in which a tensor is read: whole blocks of ``Summation/blockLength``, about 256 KiB
/// of floats, which is what fits a core's second-level cache together with a result.
package func chunkRanges(count: Int, length: Int = defaultChunkLength) -> [Range<Int>] {
  precondition(length > 0 && length.isMultiple(of: Summation.blockLength), "chunks of whole blocks")
  return stride(from: 0, to: count, by: length).map { $0..<min(count, $0 + length) }
}

/// Elements per chunk where the caller does not say.
package let defaultChunkLength = 16 * Summation.blockLength
