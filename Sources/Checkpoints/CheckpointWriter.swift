// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Synchronization
import Tensors

/// Streams a checkpoint into a folder: in parallel, chunk by chunk, all or nothing.
///
/// The sizes of all tensors are known before the first is computed, so every chunk has its place in
/// its file and chunks may be finished in any order. One more thread writes them while others compute.
/// Memory: a hundred chunks of output and the operator's own chunks per thread, however large the
/// tensors. The bytes do not depend on threads or chunks.
///
/// Everything is written into a hidden sibling folder, put on the disk (`fsync`), and renamed: a
/// reader, a full disk or a killed process meets the old state or the new one, nothing between.
public enum CheckpointWriter {
  /// How to write.
  public struct Options: Sendable {
    /// The type all float tensors get; `nil` leaves each its own. Integers are always kept.
    public var elementType: ElementType?
    /// The most bytes of tensor data per file before a new shard begins; a larger tensor has a
    /// shard to itself.
    public var shardByteLimit: Int
    /// Whether an existing checkpoint folder is replaced.
    public var force: Bool
    /// The most threads that compute and write; `nil` for one per processor.
    public var threads: Int?
    /// Files beside the model's own, such as a model card.
    public var documents: [Checkpoint.CompanionFile] = []
    /// Asked before each chunk whether to give up: the writing then throws
    /// ``CheckpointError/interrupted``, and leaves nothing behind.
    public var isInterrupted: (@Sendable () -> Bool)?
    /// Elements per chunk, a multiple of ``Summation/blockLength``.
    package var chunkLength = defaultChunkLength
    /// Tensors beside the weights: `optimizer_state` becomes `optimizer_state.safetensors`, of any
    /// size. Not listed in an index.
    package var companions: [(stem: String, tensors: Checkpoint)] = []
    /// The system call that writes, replaced by tests that fill the disk.
    package var output = OutputCalls.system

    public init(
      elementType: ElementType? = nil, shardByteLimit: Int = 5_000_000_000, force: Bool = false,
      threads: Int? = nil
    ) {
      self.elementType = elementType
      self.shardByteLimit = shardByteLimit
      self.force = force
      self.threads = threads
    }
  }

  /// How far the writing is.
  public struct Progress: Sendable, Equatable {
    public let writtenByteCount: Int
    public let totalByteCount: Int
    /// The tensor just finished.
    public let tensor: String
  }

  /// Writes `checkpoint` to the folder `directory`, which does not exist, is empty, or is a
  /// checkpoint that `options.force` allows to replace.
  ///
  /// Writes the weights (`model.safetensors`, or shards and their index), `config.json` with both
  /// `torch_dtype` and `dtype` set to the type written where all weights have one, and the
  /// tokenizer files.
  /// - Parameter progress: called after each tensor, from one thread at a time.
  /// - Throws: ``CheckpointError``; nothing at `directory` has changed then.
  public static func write(
    _ checkpoint: Checkpoint, to directory: String, options: Options = Options(),
    progress: (@Sendable (Progress) -> Void)? = nil
  ) throws(CheckpointError) {
    let layout = try SafetensorsLayout(checkpoint, options: options)
    var whole = Options()
    whole.shardByteLimit = .max
    let others = try options.companions.map { (companion) throws(CheckpointError) in
      (
        try SafetensorsLayout(companion.tensors, options: whole, stem: companion.stem),
        companion.tensors
      )
    }
    let byteCount = others.reduce(layout.byteCount) { $0 + $1.0.byteCount }
    let folder = try StagedFolder(
      target: directory, force: options.force, byteCount: byteCount, calls: options.output)
    do throws(CheckpointError) {
      for (layout, checkpoint) in [(layout, checkpoint)] + others {
        var files: [OutputFile] = []
        for shard in layout.shards {
          files.append(try folder.createFile(shard.fileName))
          try files[files.count - 1].write(shard.header, at: 0)
        }
        try stream(checkpoint, layout, files, options, progress)
        for file in files { try file.finish() }
      }
      if let index = layout.index {
        try folder.write(index.serialized(pretty: true) + "\n", to: "model.safetensors.index.json")
      }
      let config = config(checkpoint.config, types: layout.weightTypes)
      try folder.write(config.serialized(pretty: true) + "\n", to: "config.json")
      for file in checkpoint.tokenizerFiles + options.documents {
        try folder.write(try file.bytes(), to: file.name)
      }
      try folder.commit()
    } catch {
      folder.discard()
      throw error
    }
  }

  /// Checks all of a ``write(_:to:options:progress:)`` that can be known before it, and writes
  /// nothing: the target, and whether it may be replaced.
  /// - Returns: how the weights would be divided.
  /// - Throws: ``CheckpointError``, as the writing would.
  public static func check(
    _ checkpoint: Checkpoint, to directory: String, options: Options = Options()
  ) throws(CheckpointError) -> Outline {
    let layout = try SafetensorsLayout(checkpoint, options: options)
    try StagedFolder.check(directory, force: options.force)
    return Outline(
      byteCount: layout.byteCount, fileNames: layout.shards.map(\.fileName),
      freeByteCount: FileSystem.freeByteCount(at: directory))
  }

  /// What a writing comes to.
  public struct Outline: Sendable, Equatable {
    /// The bytes of all tensors.
    public let byteCount: Int
    /// The files of weights, in order.
    public let fileNames: [String]
    /// What the file system has left for us; `nil` where it does not say.
    public let freeByteCount: Int?
  }

  /// `config` as both generations of transformers read it. It says which type the weights have,
  /// under the old key and the new one, unless they have several, or none.
  static func config(_ config: JSON, types: Set<ElementType>) -> JSON {
    let config = ConfigGenerations.withOlderKeys(config)
    guard types.count == 1, let type = types.first, var object = config.object else {
      return config
    }
    object["torch_dtype"] = .string(type.torchName)
    object["dtype"] = .string(type.torchName)
    return .object(object)
  }

  /// Computes and writes all tensors. Tensors of one chunk share a parallel loop, larger ones have
  /// one of their own, so threads are busy in both cases.
  private static func stream(
    _ checkpoint: Checkpoint, _ layout: SafetensorsLayout, _ files: [OutputFile],
    _ options: Options, _ progress: (@Sendable (Progress) -> Void)?
  ) throws(CheckpointError) {
    let queue = WriteQueue()
    // Whatever happens, nothing is written after this.
    defer { queue.drain() }
    let written = Mutex(0)
    let report = { @Sendable (placement: SafetensorsLayout.Placement) in
      guard let progress else { return }
      written.withLock { sum in
        sum += placement.info.byteCount
        progress(
          Progress(
            writtenByteCount: sum, totalByteCount: layout.byteCount, tensor: placement.name))
      }
    }
    var small: [SafetensorsLayout.Placement] = []
    func flush() throws(CheckpointError) {
      let batch = small
      small = []
      try Parallel.forEach(count: batch.count, threads: options.threads) {
        (index) throws(CheckpointError) in
        let reader = try checkpoint.source(batch[index].name).prepare()
        try copy(
          reader, batch[index], 0..<batch[index].info.shape.elementCount, files, queue, options)
        report(batch[index])
      }
    }
    for placement in layout.shards.flatMap(\.placements) {
      let count = placement.info.shape.elementCount
      if count <= options.chunkLength {
        small.append(placement)
        if small.count == 256 { try flush() }
        continue
      }
      try flush()
      let reader = try checkpoint.source(placement.name).prepare()
      let ranges = chunkRanges(count: count, length: options.chunkLength)
      try Parallel.forEach(count: ranges.count, threads: options.threads) {
        (index) throws(CheckpointError) in
        try copy(reader, placement, ranges[index], files, queue, options)
      }
      report(placement)
    }
    try flush()
    try queue.finish()
  }

  private static func copy(
    _ reader: any TensorReader, _ placement: SafetensorsLayout.Placement, _ range: Range<Int>,
    _ files: [OutputFile], _ queue: WriteQueue, _ options: Options
  ) throws(CheckpointError) {
    if options.isInterrupted?() == true { throw .interrupted }
    let size = placement.info.elementType.byteCount
    try queue.add(
      byteCount: range.count * size, to: files[placement.shard],
      at: placement.offset + range.lowerBound * size
    ) { (bytes) throws(CheckpointError) in
      try reader.read(
        from: range.lowerBound, count: range.count, as: placement.info.elementType, into: &bytes)
    }
  }
}
