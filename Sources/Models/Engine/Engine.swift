// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import CMLX
  import Foundation
  import Synchronization

  /// The one thread that builds and evaluates array graphs.
  ///
  /// MLX graphs belong to the thread that made them, so everything lazy happens inside
  /// `Engine.run`; plain numbers come out. Calls from several threads wait for each other.
  public enum Engine {
    /// Runs `body` on the engine's thread and waits for it; nested calls run at once.
    public static func run<Result>(_ body: () throws -> Result) throws -> Result {
      try EngineThread.shared.run(body)
    }

    /// The version of MLX.
    public static var version: String { String(cString: cmlx_version()) }

    /// The BLAS whose matrix product is in use.
    public static var blas: String { String(cString: cmlx_blas()) }

    /// The instruction set of the fused operators' matrix products.
    public static var instructionSet: String { String(cString: cmlx_fused_instruction_set()) }

    /// For tests: whether the fused operators do without the widest vectors of this machine.
    static func limitInstructionSet(_ isNarrow: Bool) {
      cmlx_fused_limit_instruction_set(isNarrow ? 1 : 0)
    }

    /// `cpu` or `gpu`.
    public static var device: String { String(cString: cmlx_default_device()) }

    /// Whether a GPU may round the operands of float32 products to ten bits (TF32). Only where the
    /// environment asks for it, unlike MLX's own default; CPUs never do.
    public static var usesTF32: Bool {
      // The same reading as MLX's.
      device == "gpu" && getenv("MLX_ENABLE_TF32").map { atoi($0) != 0 } ?? false
    }

    /// Throws `ModelError.slowBLAS` if the reference BLAS bundled with MLX won the link order.
    public static func requireFastBLAS() throws {
      #if os(Linux)
        if device == "cpu", blas.contains("reference") { throw ModelError.slowBLAS(blas) }
      #endif
    }

    /// How many threads the fused operators use; results do not depend on it.
    public static func setThreads(_ count: Int) {
      _ = cmlx_set_threads(Int32(clamping: min(1024, max(1, count))))
    }

    /// The most memory that arrays took since `resetPeakMemory`, in bytes.
    public static var peakMemory: Int { cmlx_peak_memory() }

    /// Gives memory back that is kept for the arrays of a next step, when there will be none.
    public static func releaseMemory() { _ = cmlx_clear_cache() }

    /// Starts a new measurement of `peakMemory`.
    public static func resetPeakMemory() { cmlx_reset_peak_memory() }
  }

  /// A queue of jobs over one thread with a stack deep enough for long graphs.
  ///
  /// `@unchecked Sendable`: the job list is guarded by the condition, the thread never changes.
  private final class EngineThread: @unchecked Sendable {
    static let shared = EngineThread()

    private let condition = NSCondition()
    private var jobs: [Job] = []
    private var identity: pthread_t?

    private final class Job {
      /// Given up before `done` is signalled, because the caller's closure ends with its call.
      var body: (() -> Void)?
      let done = DispatchSemaphore(value: 0)

      init(_ body: @escaping () -> Void) { self.body = body }
    }

    init() {
      let thread = Thread { [self] in work() }
      thread.name = "koine engine"
      thread.stackSize = 64 << 20
      thread.start()
    }

    private func work() {
      condition.lock()
      identity = pthread_self()
      condition.unlock()
      if Engine.device == "gpu" {
        // What is called float32 is float32, unless somebody asked for TF32; MLX looks at its first
        // product. Swift finds the arguments by where the environment lies, so they are looked up before
        // that may move.
        _ = CommandLine.arguments
        setenv("MLX_ENABLE_TF32", "0", 0)
      }
      // Compiling kernels would call a C++ compiler at run time, for no gain on the CPU.
      _ = cmlx_disable_compile()
      while true {
        condition.lock()
        while jobs.isEmpty { condition.wait() }
        let job = jobs.removeFirst()
        condition.unlock()
        job.body?()
        job.body = nil
        job.done.signal()
      }
    }

    func run<Result>(_ body: () throws -> Result) throws -> Result {
      condition.lock()
      let isNested = identity.map { pthread_equal($0, pthread_self()) != 0 } ?? false
      condition.unlock()
      if isNested { return try body() }
      return try withoutActuallyEscaping(body) { body in
        var outcome: Swift.Result<Result, any Error>?
        let job = Job { outcome = Swift.Result(catching: body) }
        condition.lock()
        jobs.append(job)
        condition.signal()
        condition.unlock()
        job.done.wait()
        guard let outcome else { preconditionFailure("a job ended without an outcome") }
        return try outcome.get()
      }
    }
  }
#endif
