// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Lets the disk work while the processor still computes: left alone, the system keeps written pages
/// until `fsync` asks for them, and then a merge waits for all of them at once.
enum EarlyWriteback {
  /// How much is written before the disk hears of it: few requests, each worth its while.
  static let byteCount = 32 << 20

  /// Asks the system to begin with what has been written to the file, and does not wait for it.
  /// Only a hint: where the system has no such call nothing happens, and `fsync` finds the errors.
  static func begin(_ descriptor: Int32) {
    #if os(Linux)
      // 0 to 0 is the whole file.
      if let call { _ = call(descriptor, 0, 0, writeFlag) }
    #endif
  }

  #if os(Linux)
    private typealias SyncFileRange =
      @Sendable @convention(c) (Int32, Int64, Int64, UInt32) -> Int32
    /// SYNC_FILE_RANGE_WRITE.
    private static let writeFlag: UInt32 = 2

    // Swift's Glibc module does not show it (a GNU extension), so it is looked up by name.
    private static let call: SyncFileRange? = {
      // Safety: the type is that of the C declaration.
      guard let symbol = unsafe dlsym(nil, "sync_file_range") else { return nil }
      return unsafe unsafeBitCast(symbol, to: SyncFileRange.self)
    }()
  #endif
}
