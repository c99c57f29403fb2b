// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Tensors

/// What is known of a tensor without reading it.
public struct TensorInfo: Sendable, Hashable {
  public let elementType: ElementType
  public let shape: Shape

  public init(elementType: ElementType, shape: Shape) {
    self.elementType = elementType
    self.shape = shape
  }

  /// The tensor's size on disk.
  public var byteCount: Int { shape.elementCount * elementType.byteCount }
}

/// Gives any run of elements of one tensor, on any thread, as often as asked.
package protocol TensorReader: Sendable {
  /// Fills `output` with the elements from `start` on, each as the float nearest to it.
  func read(from start: Int, into output: MutableFloatChunk) throws(CheckpointError)

  /// A window on `count` stored elements from `start` on, which may be used as long as the reader
  /// lives; `nil` where they are not stored, or not as something that ``StoredRun`` reads.
  func stored(from start: Int, count: Int) -> StoredRun?

  /// Fills `output` with `count` elements from `start` on, encoded as `type`.
  ///
  /// A reader of stored bytes copies them where `type` is the stored type.
  func read(
    from start: Int, count: Int, as type: ElementType, into output: inout MutableRawSpan
  ) throws(CheckpointError)
}

extension TensorReader {
  /// Nothing is stored.
  package func stored(from start: Int, count: Int) -> StoredRun? { nil }

  /// Reads floats and rounds them once.
  package func read(
    from start: Int, count: Int, as type: ElementType, into output: inout MutableRawSpan
  ) throws(CheckpointError) {
    // `inout` spans cannot enter an escaping closure; this one does not escape.
    try withWorkspace(count: count) { (floats) throws(CheckpointError) in
      try read(from: start, into: floats)
      Conversion.encode(floats.reading, as: type, into: &output)
    }
  }
}

/// A tensor as a checkpoint holds it: what it is, and how to get at its elements.
package struct TensorSource: Sendable {
  package let info: TensorInfo
  /// The file, or the operator, that it comes from; for messages.
  package let origin: String
  /// Does what must be known before the first element can be given: nothing for a file; the
  /// statistics passes of a merge method. Cost and errors are the operator's.
  package let prepare: @Sendable () throws(CheckpointError) -> any TensorReader

  package init(
    info: TensorInfo, origin: String,
    prepare: @escaping @Sendable () throws(CheckpointError) -> any TensorReader
  ) {
    self.info = info
    self.origin = origin
    self.prepare = prepare
  }
}

/// Bytes that keep their place in memory.
// Safety: `start` points to `count` bytes from `init` to `deinit`, which nobody writes after `init`.
@safe final class HeldBytes: @unchecked Sendable {
  private let start: UnsafeMutableRawPointer
  private let count: Int

  init(_ bytes: [UInt8]) {
    count = bytes.count
    unsafe start = .allocate(byteCount: max(1, bytes.count), alignment: 64)
    // Safety: as many bytes as are there.
    unsafe bytes.withUnsafeBytes {
      if let source = $0.baseAddress {
        unsafe start.copyMemory(from: source, byteCount: $0.count)
      }
    }
  }

  deinit { unsafe start.deallocate() }

  /// Lends the bytes at `range`; traps when it reaches beyond them.
  func withBytes<R, E: Error>(
    _ range: Range<Int>, _ body: (RawSpan) throws(E) -> R
  ) throws(E) -> R {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "bytes \(range) of \(count)")
    // Safety: inside the memory, which `self` keeps until `body` returns.
    let bytes = unsafe UnsafeRawBufferPointer(
      start: UnsafeRawPointer(start) + range.lowerBound, count: range.count)
    defer { extendLifetime(self) }
    return try body(unsafe bytes.bytes)
  }

  /// Where the byte at `offset` lies, as long as the object lives.
  @unsafe func address(of offset: Int) -> UnsafeRawPointer? {
    unsafe UnsafeRawPointer(start) + offset
  }
}

/// Reads a tensor whose encoded elements lie in a mapped file or in memory.
package struct StoredReader: TensorReader {
  enum Storage: Sendable {
    case file(MappedFile, offset: Int)
    case memory(HeldBytes)
  }

  let info: TensorInfo
  let storage: Storage

  init(info: TensorInfo, storage: Storage) {
    self.info = info
    self.storage = storage
  }

  /// Reads elements that are in memory, encoded as `info` says: as many as its shape has.
  package init(info: TensorInfo, bytes: [UInt8]) {
    precondition(
      bytes.count == info.byteCount, "\(bytes.count) bytes for a tensor of \(info.byteCount)")
    self.init(info: info, storage: .memory(HeldBytes(bytes)))
  }

  private func withBytes<R, E: Error>(
    _ start: Int, _ count: Int, _ body: (RawSpan) throws(E) -> R
  ) throws(E) -> R {
    let size = info.elementType.byteCount
    precondition(
      start >= 0 && start + count <= info.shape.elementCount, "elements outside the tensor")
    switch storage {
    case .file(let file, let offset):
      let first = offset + start * size
      return try file.withBytes(first..<(first + count * size), body)
    case .memory(let bytes):
      return try bytes.withBytes((start * size)..<((start + count) * size), body)
    }
  }

  package func stored(from start: Int, count: Int) -> StoredRun? {
    precondition(
      start >= 0 && count >= 0 && start + count <= info.shape.elementCount,
      "elements outside the tensor")
    let size = info.elementType.byteCount
    let first =
      switch storage {
      case .file(let file, let offset): unsafe file.address(of: offset + start * size)
      case .memory(let bytes): unsafe bytes.address(of: start * size)
      }
    guard let first = unsafe first else { return nil }
    // Safety: the header of a file is checked to end its tensors where the file does, and the range
    // lies in the tensor; files and memory stay where they are as long as this reader holds them, and
    // are not written.
    return unsafe StoredRun(start: first, count: count, elementType: info.elementType)
  }

  package func read(from start: Int, into output: MutableFloatChunk) throws(CheckpointError) {
    withBytes(start, output.count) { bytes in
      Conversion.decode(bytes, as: info.elementType, into: output)
    }
  }

  package func read(
    from start: Int, count: Int, as type: ElementType, into output: inout MutableRawSpan
  ) throws(CheckpointError) {
    withBytes(start, count) { bytes in
      Conversion.convert(bytes, from: info.elementType, to: type, count: count, into: &output)
    }
  }
}

extension TensorReader {
  /// A run of elements, encoded as `type`.
  package func bytes(
    _ range: Range<Int>, as type: ElementType
  ) throws(CheckpointError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: range.count * type.byteCount)
    do {
      var span = bytes.mutableSpan
      // Safety: any bytes are valid bytes.
      var target = unsafe span.mutableBytes
      try read(from: range.lowerBound, count: range.count, as: type, into: &target)
    }
    return bytes
  }
}
