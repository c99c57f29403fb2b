// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A tensor for a GGUF file.
package struct GGUFTensor: Sendable {
  /// How its numbers are encoded; raw values are the format's.
  package enum Encoding: UInt32, Sendable {
    case float32 = 0
    case float16 = 1
    case eightBitBlocks = 8
    case bfloat16 = 30

    /// The type of single elements; `nil` for blocks.
    var elementType: ElementType? {
      switch self {
      case .float32: .float32
      case .float16: .float16
      case .bfloat16: .bfloat16
      case .eightBitBlocks: nil
      }
    }

    func byteCount(of elements: Int) -> Int {
      elementType.map { $0.byteCount * elements }
        ?? elements / EightBitBlocks.size * EightBitBlocks.byteCount
    }
  }

  package let name: String
  /// Rows first, as in a checkpoint; the file has them the other way round.
  package let source: TensorSource
  package let encoding: Encoding

  /// - Precondition: rows of ``Encoding/eightBitBlocks`` are whole blocks.
  package init(name: String, source: TensorSource, encoding: Encoding) {
    precondition(
      encoding != .eightBitBlocks
        || source.info.shape.extents.last?.isMultiple(of: EightBitBlocks.size) == true,
      "rows of \(source.info.shape) in blocks of \(EightBitBlocks.size)")
    self.name = name
    self.source = source
    self.encoding = encoding
  }

  var byteCount: Int { encoding.byteCount(of: source.info.shape.elementCount) }
}

/// Streams a GGUF file (version 3): in parallel, chunk by chunk, all or nothing.
///
/// As ``CheckpointWriter``: the file is written under a hidden name beside its own, put on the disk
/// and renamed. The bytes do not depend on the number of threads.
package enum GGUFWriter {
  /// Where the data of tensors begin, and each of them.
  private static let alignment = 32

  /// Writes `metadata`, in order, and `tensors`, in order.
  /// - Parameters:
  ///   - force: whether a file that is there is replaced.
  ///   - progress: called with the bytes written and all bytes, from one thread at a time.
  /// - Throws: ``CheckpointError``; nothing at `path` has changed then.
  /// - Returns: the size of the file.
  package static func write(
    _ metadata: [(key: String, value: GGUFValue)], _ tensors: [GGUFTensor], to path: String,
    force: Bool = false, calls: OutputCalls = .system,
    progress: ((_ done: Int, _ total: Int) -> Void)? = nil
  ) throws(CheckpointError) -> Int {
    try check(path, force: force)
    let (header, offsets, byteCount) = layout(metadata, tensors)
    let (parent, name) = FileSystem.split(path)
    try FileSystem.makeDirectories(parent)
    let staging = FileSystem.join(parent, ".\(name).partial-\(getpid())")
    FileSystem.remove(staging)
    do throws(CheckpointError) {
      let file = try OutputFile(staging, shownAs: path, byteCount: byteCount, calls: calls)
      try file.write(header, at: 0)
      for (tensor, offset) in zip(tensors, offsets) {
        try write(tensor, to: file, at: offset)
        progress?(offset + tensor.byteCount, byteCount)
      }
      // The last tensor is filled up too.
      if let last = offsets.last, let tensor = tensors.last {
        let end = last + tensor.byteCount
        try file.write([UInt8](repeating: 0, count: byteCount - end), at: end)
      }
      try file.finish()
      // Safety: the paths live as C strings for the length of the call.
      guard unsafe rename(staging, path) == 0 else {
        throw .cannotWrite(path: path, reason: FileSystem.reason(), neededByteCount: 0)
      }
      FileSystem.synchronizeDirectory(parent)
    } catch {
      FileSystem.remove(staging)
      throw error
    }
    return byteCount
  }

  /// Throws where the file may not be made or replaced; makes nothing.
  package static func check(_ path: String, force: Bool) throws(CheckpointError) {
    let (parent, name) = FileSystem.split(path)
    guard !["", ".", "..", "/"].contains(name), !path.hasSuffix("/") else {
      throw .operation(
        Diagnosis(
          what: "The output `\(path)` is not the name of a file.", where: "the output",
          next: "Name a file that is to be made, such as `model.gguf`."))
    }
    let place = FileSystem.nearestExisting(parent)
    guard FileSystem.isDirectory(place) else { throw .target(place, .file) }
    guard FileSystem.isWritable(place) else {
      throw .cannotWrite(path: place, reason: FileSystem.reason(EACCES), neededByteCount: 0)
    }
    guard FileSystem.exists(path) else { return }
    if FileSystem.isDirectory(path) || !force {
      throw .operation(
        Diagnosis(
          what: FileSystem.isDirectory(path)
            ? "The output should be a file, but a folder has that name."
            : "The output file exists.",
          where: path,
          next: FileSystem.isDirectory(path)
            ? "Name a file, such as `model.gguf`."
            : "Choose another name, or pass --force to replace it.", kind: .failed))
    }
  }

  /// The bytes before the data, where each tensor begins, and the size of the file.
  private static func layout(
    _ metadata: [(key: String, value: GGUFValue)], _ tensors: [GGUFTensor]
  ) -> (header: [UInt8], offsets: [Int], byteCount: Int) {
    var header = Array("GGUF".utf8)
    header.append(little: UInt32(3))
    header.append(little: UInt64(tensors.count))
    header.append(little: UInt64(metadata.count))
    for (key, value) in metadata {
      header.append(text: key)
      value.encode(into: &header)
    }
    var offsets: [Int] = []
    var position = 0
    for tensor in tensors {
      let extents = tensor.source.info.shape.extents
      header.append(text: tensor.name)
      header.append(little: UInt32(extents.count))
      for extent in extents.reversed() { header.append(little: UInt64(extent)) }
      header.append(little: tensor.encoding.rawValue)
      header.append(little: UInt64(position))
      offsets.append(position)
      position = aligned(position + tensor.byteCount)
    }
    header += [UInt8](repeating: 0, count: aligned(header.count) - header.count)
    return (header, offsets.map { $0 + header.count }, header.count + position)
  }

  private static func aligned(_ position: Int) -> Int {
    (position + alignment - 1) / alignment * alignment
  }

  private static func write(
    _ tensor: GGUFTensor, to file: OutputFile, at offset: Int
  ) throws(CheckpointError) {
    let reader = try tensor.source.prepare()
    // Chunks are whole blocks: their length is a multiple of 32.
    let ranges = chunkRanges(count: tensor.source.info.shape.elementCount)
    try Parallel.forEach(count: ranges.count) { (index) throws(CheckpointError) in
      let range = ranges[index]
      let encoding = tensor.encoding
      let byteCount = encoding.byteCount(of: range.count)
      try withByteWorkspace(count: byteCount) { (bytes) throws(CheckpointError) in
        try withWorkspace(count: range.count) { (floats) throws(CheckpointError) in
          try reader.read(from: range.lowerBound, into: floats)
          if !Elementwise.isFinite(floats.reading) {
            for i in floats.indices where !floats[i].isFinite {
              throw .notFinite(
                tensor: tensor.name, index: range.lowerBound + i, value: "\(floats[i])",
                origin: tensor.source.origin)
            }
          }
          if let type = encoding.elementType {
            Conversion.encode(floats.reading, as: type, into: &bytes)
          } else {
            EightBitBlocks.encode(floats.reading, into: &bytes, at: 0)
          }
        }
        try file.write(bytes.bytes, at: offset + encoding.byteCount(of: range.lowerBound))
      }
    }
  }
}
