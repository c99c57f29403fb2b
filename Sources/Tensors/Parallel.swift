// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Parallel loops on threads of their own.
///
/// Page faults of mapped files and long loops would block the cooperative pool of Swift's tasks, so
/// these loops start their own POSIX threads and join them before they return. Which thread runs
/// which index is not determined; what is computed must depend on the index alone.
public enum Parallel {
  /// How many processors this process may use.
  public static let processorCount: Int = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))

  /// Runs `body` once for each index in `0 ..< count`, on at most `threads` threads including the
  /// caller's (`nil`: one per processor).
  ///
  /// Indices are handed out in ascending order. A call from inside another parallel loop runs on
  /// the calling thread alone, so nesting never multiplies threads.
  /// - Throws: the error of the lowest failing index, whatever the number of threads; indices not
  ///   yet begun by then are skipped.
  public static func forEach<E: Error>(
    count: Int, threads: Int? = nil, _ body: @escaping @Sendable (Int) throws(E) -> Void
  ) throws(E) {
    let workers = min(count, isInsideLoop ? 1 : max(1, threads ?? processorCount))
    if workers <= 1 {
      for index in 0..<max(0, count) { try body(index) }
      return
    }
    let loop = Loop<E>(count: count, body: body)
    run(workers: workers) { loop.work() }
    if let error = loop.failure.withLock({ $0?.error }) { throw error }
  }

  /// Computes `body` for each index in parallel and returns the results in index order.
  public static func map<R: Sendable, E: Error>(
    count: Int, threads: Int? = nil, _ body: @escaping @Sendable (Int) throws(E) -> R
  ) throws(E) -> [R] {
    if count == 1 { return [try body(0)] }
    let results = Results<R>(count: count)
    try forEach(count: count, threads: threads) { (index) throws(E) in
      let value = try body(index)
      results.store.withLock { $0[index] = value }
    }
    return results.store.withLock { $0.compactMap { $0 } }
  }

  private final class Results<R: Sendable>: Sendable {
    let store: Mutex<[R?]>
    init(count: Int) { store = Mutex(Array(repeating: nil, count: max(0, count))) }
  }

  private final class Loop<E: Error>: Sendable {
    let count: Int
    let body: @Sendable (Int) throws(E) -> Void
    let next = Atomic<Int>(0)
    let failure = Mutex<(index: Int, error: E)?>(nil)

    init(count: Int, body: @escaping @Sendable (Int) throws(E) -> Void) {
      self.count = count
      self.body = body
    }

    func work() {
      while true {
        let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
        if index >= count { return }
        do throws(E) {
          try body(index)
        } catch {
          // Every index below a failing one has been begun, so the lowest failure always arrives.
          failure.withLock { first in
            if first.map({ index < $0.index }) ?? true { first = (index, error) }
          }
          next.store(count, ordering: .relaxed)
          return
        }
      }
    }
  }

  /// Runs `job` on `workers` threads, one of them the caller's, and waits for all.
  private static func run(workers: Int, _ job: @escaping @Sendable () -> Void) {
    let marked: @Sendable () -> Void = {
      insideLoop.run(job)
    }
    var handles: [ThreadHandle] = []
    for _ in 1..<workers {
      // A machine that gives no more threads still finishes the loop, on fewer.
      guard let handle = ThreadHandle.start(marked) else { break }
      handles.append(handle)
    }
    marked()
    for handle in handles { handle.join() }
  }

  /// Whether the calling thread is already working for a parallel loop.
  static var isInsideLoop: Bool { insideLoop.isSet }

  private static let insideLoop = ThreadFlag()
}
