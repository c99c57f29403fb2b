// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A joinable POSIX thread.
struct ThreadHandle {
  #if canImport(Darwin)
    private let thread: pthread_t
    private typealias Argument = UnsafeMutableRawPointer
  #else
    private let thread: pthread_t
    private typealias Argument = UnsafeMutableRawPointer?
  #endif

  private final class Job {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Starts a thread running `body`; `nil` when the system has no thread to give.
  static func start(_ body: @escaping @Sendable () -> Void) -> ThreadHandle? {
    // Safety: the job is retained once for the thread, which releases it when it has run; if the
    // thread cannot start, it is released here.
    let job = unsafe Unmanaged.passRetained(Job(body))
    #if canImport(Darwin)
      var thread: pthread_t?
    #else
      var thread = pthread_t()
    #endif
    let entry: @convention(c) (Argument) -> UnsafeMutableRawPointer? = { argument in
      #if canImport(Darwin)
        unsafe Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().body()
      #else
        if let argument = unsafe argument {
          unsafe Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().body()
        }
      #endif
      return nil
    }
    guard unsafe pthread_create(&thread, nil, entry, job.toOpaque()) == 0 else {
      unsafe job.release()
      return nil
    }
    #if canImport(Darwin)
      guard let thread else { return nil }
    #endif
    return ThreadHandle(thread: thread)
  }

  /// Waits until the thread has ended.
  func join() {
    // Each handle is joined once, by the loop that started it.
    _ = pthread_join(thread, nil)
  }

  private init(thread: pthread_t) { self.thread = thread }
}

/// A flag each thread has for itself.
final class ThreadFlag: Sendable {
  private let key: pthread_key_t

  init() {
    var key = pthread_key_t()
    // Safety: plain out-parameter; without a destructor the key holds no memory.
    let status = unsafe pthread_key_create(&key, nil)
    precondition(status == 0, "no thread-specific storage is left (error \(status))")
    self.key = key
  }

  /// Whether the calling thread is inside ``run(_:)``.
  var isSet: Bool { unsafe pthread_getspecific(key) != nil }

  /// Runs `body` with the flag set on the calling thread.
  func run(_ body: () -> Void) {
    // Safety: the value is a marker that is only compared with nil, never dereferenced.
    let before = unsafe pthread_getspecific(key)
    _ = unsafe pthread_setspecific(key, UnsafeRawPointer(bitPattern: 1))
    body()
    _ = unsafe pthread_setspecific(key, UnsafeRawPointer(before))
  }
}
