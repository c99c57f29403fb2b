// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import CMLX
  import Foundation

  /// Processes that were started together and do one job, each a part of it: a rank in `0..<size`.
  ///
  /// Everything collective must be called by all ranks, in the same order; a rank that waits for the
  /// others longer than `patience` ends its process with a message, whereupon `mpirun` and Slurm
  /// end the rest: a job with a dead or stuck rank stops instead of hanging. Transport is MLX's (MPI
  /// on CPUs, NCCL between NVIDIA GPUs).
  ///
  /// `@unchecked Sendable`: the handle is used on the engine's thread only.
  public final class DistributedGroup: @unchecked Sendable {
    /// This process, from 0; rank 0 writes and talks.
    public let rank: Int
    /// How many processes there are.
    public let size: Int
    /// `mpi`, `nccl`, or `none` for a process on its own.
    public let backend: String
    private let handle: cmlx_group?
    private let watch: CollectiveWatch

    /// A process on its own: collectives give back what they got.
    public static let alone = DistributedGroup()

    private init() {
      (rank, size, backend, handle) = (0, 1, "none", nil)
      watch = CollectiveWatch(rank: 0, patience: .zero)
    }

    /// Joins the processes that `mpirun` or `srun` started with this one.
    ///
    /// - Parameters:
    ///   - backend: `mpi` or `nccl`.
    ///   - patience: how long a rank waits for the others in one collective; longer than the
    ///     longest thing one rank does alone (rank 0 writes checkpoints).
    /// - Throws: `ModelError.distributed` where the backend is missing or was not set up.
    public init(joining backend: String, patience: Duration = .seconds(1800)) throws {
      let handle = try Engine.run {
        guard cmlx_group_is_available(backend) != 0 else {
          throw ModelError.distributed(backend, reason: "its library was not found")
        }
        var group: cmlx_group?
        guard cmlx_group_open(&group, backend) == 0, let group else {
          throw ModelError.distributed(backend, reason: String(cString: cmlx_last_error()))
        }
        return GroupHandle(value: group)
      }
      self.handle = handle.value
      self.backend = backend
      rank = Int(cmlx_group_rank(handle.value))
      size = Int(cmlx_group_size(handle.value))
      watch = CollectiveWatch(rank: rank, patience: patience)
    }

    deinit { if let handle { cmlx_group_free(handle) } }

    /// How many processes a launcher says it started with this one, by the variables of Open MPI,
    /// MPICH and Slurm's PMI; `nil` when nothing speaks of a launcher.
    public static func launchedSize(
      environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> Int? {
      for name in ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_SIZE", "MPI_LOCALNRANKS"] {
        if let text = environment[name], let size = Int(text), size >= 1 { return size }
      }
      return nil
    }

    /// The processes that a launcher started together with this one; a process on its own where
    /// nothing speaks of a launcher.
    public static func launched() throws -> DistributedGroup {
      guard let size = launchedSize(), size > 1 else { return .alone }
      return try DistributedGroup(joining: Engine.device == "gpu" ? "nccl" : "mpi")
    }

    /// Σ over the ranks, elementwise; the same bits on every rank.
    ///
    /// One collective an array and small ones joined, because MLX orders only what depends on each
    /// other: each is evaluated before the next begins.
    package func sum(_ arrays: [DeviceArray]) throws -> [DeviceArray] {
      guard let handle, size > 1 else { return arrays }
      var results: [DeviceArray] = []
      results.reserveCapacity(arrays.count)
      var pending: [DeviceArray] = []
      var pendingCount = 0
      func flush() throws {
        guard !pending.isEmpty else { return }
        let flat = try pending.map { try reshape($0, [$0.count]) }
        let joined = flat.count == 1 ? flat[0] : try concatenate(flat, axis: 0)
        let total = try collective("all-reduce") {
          cmlx_group_sum($0, joined.handle, handle)
        }
        var start = 0
        for array in pending {
          let piece = try slice(total, from: [start], to: [start + array.count])
          results.append(try reshape(piece, array.shape))
          start += array.count
        }
        pending = []
        pendingCount = 0
      }
      for array in arrays {
        if pendingCount > 0, pendingCount + array.count > Self.bucketCount { try flush() }
        pending.append(array)
        pendingCount += array.count
      }
      try flush()
      return results
    }

    /// Float32 numbers that are joined into one collective: 32 MiB.
    private static let bucketCount = 8 << 20

    /// What each rank gave, by rank; every rank gives as many numbers. Exact.
    public func gather(_ values: [Double]) throws -> [[Double]] {
      guard size > 1 else { return [values] }
      let halves = values.flatMap { value in
        let bits = value.bitPattern
        return [
          Int32(truncatingIfNeeded: bits), Int32(truncatingIfNeeded: bits >> 32),
        ]
      }
      return try gather(halves).map { row in
        stride(from: 0, to: row.count, by: 2).map { i in
          Double(
            bitPattern: UInt64(UInt32(bitPattern: row[i]))
              | UInt64(UInt32(bitPattern: row[i + 1])) << 32)
        }
      }
    }

    /// What each rank gave, by rank, however much each gave.
    public func gather(_ bytes: [UInt8]) throws -> [[UInt8]] {
      guard size > 1 else { return [bytes] }
      let counts = try gather([Double(bytes.count)]).map { Int($0[0]) }
      let width = ((counts.max() ?? 0) + 3) / 4
      guard width > 0 else { return counts.map { _ in [] } }
      var words = [Int32](repeating: 0, count: width)
      for (i, byte) in bytes.enumerated() {
        words[i / 4] |= Int32(bitPattern: UInt32(byte) << UInt32(8 * (i % 4)))
      }
      return try zip(gather(words), counts).map { row, count in
        (0..<count).map { UInt8(truncatingIfNeeded: row[$0 / 4] >> Int32(8 * ($0 % 4))) }
      }
    }

    /// Returns when every rank has come here.
    public func barrier() throws { _ = try gather([0.0]) }

    /// The part of `0..<count` that is this rank's: contiguous, sizes differ by one at most.
    public func share(of count: Int) -> Range<Int> {
      count * rank / size..<count * (rank + 1) / size
    }

    private func gather(_ values: [Int32]) throws -> [[Int32]] {
      guard let handle, !values.isEmpty else {
        return [[Int32]](repeating: values, count: size)
      }
      return try Engine.run {
        let own = try DeviceArray(values, shape: [1, values.count])
        let all = try collective("all-gather") { cmlx_group_gather($0, own.handle, handle) }
        let flat = try all.integers()
        return (0..<size).map { Array(flat[$0 * values.count..<($0 + 1) * values.count]) }
      }
    }

    /// Builds the graph of a collective and evaluates it under the watch.
    private func collective(
      _ name: String, _ call: (UnsafeMutablePointer<cmlx_array?>) -> Int32
    ) throws -> DeviceArray {
      let result = DeviceArray(owning: try check(name, call))
      try watch.during(name) { try evaluate([result]) }
      return result
    }
  }

  /// Lets a C pointer out of a closure of the engine's thread.
  private struct GroupHandle: @unchecked Sendable { let value: cmlx_group }

  /// Ends the process when a collective takes longer than anybody should have to wait.
  private final class CollectiveWatch: @unchecked Sendable {
    private let rank: Int
    private let patience: Duration
    private let queue = DispatchQueue(label: "koine collectives")

    init(rank: Int, patience: Duration) {
      self.rank = rank
      self.patience = patience
    }

    func during(_ name: String, _ body: () throws -> Void) rethrows {
      let seconds = patience / .seconds(1)
      let alarm = DispatchWorkItem { [rank] in
        let text =
          "koine: rank \(rank) waited \(Int(seconds)) s in \(name) for the other ranks, and gives up.\n"
          + "  One of them is stuck, or does alone what takes longer; see its last line.\n"
        FileHandle.standardError.write(Data(text.utf8))
        // Not `exit`: its handlers would wait for the very ranks that do not answer.
        _exit(70)
      }
      queue.asyncAfter(deadline: .now() + seconds, execute: alarm)
      defer { alarm.cancel() }
      try body()
    }
  }
#endif
