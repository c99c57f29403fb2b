// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import CMLX
  import Foundation

  /// Processes that were started together and do one job, each a part of it: a rank in `0..<size`.
  ///
  /// Everything collective must be called by all ranks, in the same order; a rank that waits for the
  /// others longer than `patience` ends its process with a message, whereupon `mpirun` and Slurm
  /// end the rest: a job with a dead or stuck rank stops instead of hanging. A rank that fails tells
  /// the others at their next gathering (`fail`), where each throws the same `RankFailure`. Transport
  /// is MLX's (MPI on CPUs, NCCL between NVIDIA GPUs).
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
    let watch: CollectiveWatch
    /// What ended the work of the group, once the ranks have told each other.
    private(set) var failure: RankFailure?

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
    /// MPICH and Slurm's PMI; `nil` when nothing speaks of a launcher. PMIx has a variable for the rank
    /// and none for the number (open-mpi/ompi#9167), which under `srun --mpi=pmix` is that of Slurm's
    /// step.
    public static func launchedSize(
      environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> Int? {
      for name in ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_SIZE", "MPI_LOCALNRANKS"] {
        if let text = environment[name], let size = Int(text), size >= 1 { return size }
      }
      guard environment["PMIX_RANK"] != nil else { return nil }
      return environment["SLURM_STEP_NUM_TASKS"].flatMap { Int($0) }.flatMap { $0 >= 1 ? $0 : nil }
    }

    /// The number that a launcher gave this process, by the same variables; `nil` when nothing tells.
    public static func launchedRank(
      environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> Int? {
      for name in ["OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", "MPI_LOCALRANKID"] {
        if let text = environment[name], let rank = Int(text), rank >= 0 { return rank }
      }
      return nil
    }

    /// The processes that a launcher started together with this one; a process on its own where
    /// nothing speaks of a launcher.
    ///
    /// - Throws: `ModelError.distributed`, also for a process that finds no other: under the launcher of
    ///   another MPI each would else do the whole job by itself.
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

    /// What each rank gave, by rank. Exact.
    ///
    /// - Parameter patience: how long to wait for the others here; `nil` for the group's.
    /// - Throws: `RankFailure`, the same on every rank, where any of them failed instead of coming.
    public func gather(_ values: [Double], patience: Duration? = nil) throws -> [[Double]] {
      guard size > 1 else { return [values] }
      let halves = values.flatMap { value in
        let bits = value.bitPattern
        return [
          Int32(truncatingIfNeeded: bits), Int32(truncatingIfNeeded: bits >> 32),
        ]
      }
      return try gatherWords(halves, patience: patience).map { row in
        stride(from: 0, to: row.count, by: 2).map { i in
          Double(
            bitPattern: UInt64(UInt32(bitPattern: row[i]))
              | UInt64(UInt32(bitPattern: row[i + 1])) << 32)
        }
      }
    }

    /// What each rank gave, by rank, however much each gave; throws as the gathering of numbers.
    public func gather(_ bytes: [UInt8], patience: Duration? = nil) throws -> [[UInt8]] {
      guard size > 1 else { return [bytes] }
      return try gatherWords(words(of: bytes), patience: patience).map { self.bytes(in: $0) }
    }

    /// Returns when every rank has come here; throws as a gathering.
    public func barrier(patience: Duration? = nil) throws {
      _ = try gather([0.0], patience: patience)
    }

    /// Whether any rank wishes so: the same answer on every rank. Throws as a gathering.
    public func any(_ wish: Bool) throws -> Bool {
      guard size > 1 else { return wish }
      return try gather([wish ? 1.0 : 0]).contains { $0[0] != 0 }
    }

    /// The part of `0..<count` that is this rank's: contiguous, sizes differ by one at most.
    public func share(of count: Int) -> Range<Int> {
      count * rank / size..<count * (rank + 1) / size
    }

    /// Who does which of several works: the largest first, each to the rank with the least to do so
    /// far, the lower rank and the earlier work winning a tie. The same on every rank.
    ///
    /// - Parameter sizes: of the works, in any unit, at least 0.
    public func owners(ofSizes sizes: [Int]) -> [Int] {
      var owners = [Int](repeating: 0, count: sizes.count)
      var loads = [Int](repeating: 0, count: size)
      for work in sizes.indices.sorted(by: { (sizes[$1], $0) < (sizes[$0], $1) }) {
        let rank = loads.indices.min { (loads[$0], $0) < (loads[$1], $1) } ?? 0
        owners[work] = rank
        loads[rank] += sizes[work]
      }
      return owners
    }

    // MARK: Gathering

    /// Words of a frame: what most gatherings need goes with one collective.
    private static let frameCount = 16
    /// The first word of the frame of a rank that has failed, in place of its count of words.
    private static let failed: Int32 = -1

    private func gatherWords(_ values: [Int32], patience: Duration?) throws -> [[Int32]] {
      if let failure { throw failure }
      let room = Self.frameCount - 1
      let frame =
        [Int32(values.count)] + values.prefix(room)
        + [Int32](repeating: 0, count: max(0, room - values.count))
      let frames = try exchange(frame, patience: patience)
      let counts = frames.map { Int($0[0]) }
      guard !counts.contains(Int(Self.failed)) else { throw try collectFailures(own: nil) }
      let width = counts.max() ?? 0
      guard width > room else {
        return zip(frames, counts).map { Array($0[1..<1 + $1]) }
      }
      let padded = values + [Int32](repeating: 0, count: width - values.count)
      return try zip(exchange(padded, patience: patience), counts).map { Array($0.prefix($1)) }
    }

    /// As many words from every rank, at least one.
    private func exchange(_ values: [Int32], patience: Duration?) throws -> [[Int32]] {
      guard let handle else { return [values] }
      return try Engine.run {
        let own = try DeviceArray(values, shape: [1, values.count])
        let all = try collective("all-gather", patience: patience) {
          cmlx_group_gather($0, own.handle, handle)
        }
        let flat = try all.integers()
        return (0..<size).map { Array(flat[$0 * values.count..<($0 + 1) * values.count]) }
      }
    }

    /// The count of bytes, then four of them a word.
    private func words(of bytes: [UInt8]) -> [Int32] {
      var words = [Int32](repeating: 0, count: 1 + (bytes.count + 3) / 4)
      words[0] = Int32(bytes.count)
      for (i, byte) in bytes.enumerated() {
        words[1 + i / 4] |= Int32(bitPattern: UInt32(byte) << UInt32(8 * (i % 4)))
      }
      return words
    }

    private func bytes(in words: [Int32]) -> [UInt8] {
      (0..<Int(words[0])).map {
        UInt8(truncatingIfNeeded: words[1 + $0 / 4] >> Int32(8 * ($0 % 4)))
      }
    }

    // MARK: Failing

    /// Tells the others, at their next gathering, that this rank cannot go on.
    ///
    /// - Parameters:
    ///   - text: for people; empty for nothing to say.
    ///   - code: what the job is to end with.
    ///   - patience: how long to wait for the others, who may be at long work; after it this process
    ///     says what it has to say and ends, and the launcher ends the rest.
    /// - Returns: what all ranks that failed had to say; the same on every rank.
    /// - Throws: `ModelError` where the transport fails.
    func fail(_ text: String, code: Int32, patience: Duration) throws -> RankFailure {
      if let failure { return failure }
      let own = RankFailure.Entry(rank: rank, code: code, text: text)
      let alarm = watch.alarm(after: patience) {
        RankFailure.write(RankFailure(entries: [own]).description)
        _exit(code)
      }
      defer { alarm.cancel() }
      let frame = [Self.failed] + [Int32](repeating: 0, count: Self.frameCount - 1)
      _ = try exchange(frame, patience: nil)
      return try collectFailures(own: own)
    }

    /// Returns when every rank has come here, failed or not.
    func meet() throws { _ = try exchange([0], patience: nil) }

    private func collectFailures(own: RankFailure.Entry?) throws -> RankFailure {
      var message: [Int32] = [own == nil ? 0 : 1, own?.code ?? 0]
      message += words(of: Array((own?.text ?? "").utf8))
      let width = try exchange([Int32(message.count)], patience: nil).map { Int($0[0]) }.max() ?? 0
      message += [Int32](repeating: 0, count: width - message.count)
      let entries = try exchange(message, patience: nil).enumerated().compactMap { rank, row in
        row[0] == 0
          ? nil
          : RankFailure.Entry(
            rank: rank, code: row[1],
            text: String(decoding: bytes(in: Array(row[2...])), as: UTF8.self))
      }
      let found = RankFailure(entries: entries)
      failure = found
      return found
    }

    /// Builds the graph of a collective and evaluates it under the watch.
    private func collective(
      _ name: String, patience: Duration? = nil,
      _ call: (UnsafeMutablePointer<cmlx_array?>) -> Int32
    ) throws -> DeviceArray {
      let result = DeviceArray(owning: try check(name, call))
      try watch.during(name, patience: patience) { try evaluate([result]) }
      return result
    }
  }

  /// Lets a C pointer out of a closure of the engine's thread.
  private struct GroupHandle: @unchecked Sendable { let value: cmlx_group }
#endif
