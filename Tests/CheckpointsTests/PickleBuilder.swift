// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Zip archives as torch writes them, and pickles, byte by byte; and places in them to lie at.
struct TorchArchive {
  enum Form {
    /// As torch: sizes after the data, a zip64 end record.
    case torch
    /// As other writers: sizes in the local header, no zip64.
    case plain
    /// Every size and offset in zip64 fields.
    case wide
  }

  private(set) var bytes: [UInt8] = []
  /// Where the local header, the data and the directory entry of each name begin.
  private(set) var local: [String: Int] = [:]
  private(set) var data: [String: Int] = [:]
  private(set) var central: [String: Int] = [:]
  private(set) var directory = 0
  /// Of the zip64 end record, if any, and of the end record.
  private(set) var wideEnd = 0
  private(set) var end = 0

  init(_ entries: [(name: String, bytes: [UInt8])], form: Form = .torch) {
    for (name, content) in entries {
      local[name] = bytes.count
      let size = UInt64(content.count)
      let (narrow, extra) = Self.sizes(size, form)
      put([0x50, 0x4B, 3, 4])
      put(form == .plain ? 20 : 0, 2)
      put(form == .torch ? 0x0808 : 0x0800, 2)
      put(0, 2)  // method
      put(0, 4)  // time
      put(0, 4)  // checksum
      put(form == .torch ? 0 : narrow, 4)
      put(form == .torch ? 0 : narrow, 4)
      put(UInt64(name.utf8.count), 2)
      let padding = form == .torch ? [0x46, 0x42, 2, 0, 0x5A, 0x5A] : extra
      put(UInt64(padding.count), 2)
      put(Array(name.utf8))
      put(padding)
      data[name] = bytes.count
      put(content)
      if form == .torch {
        put([0x50, 0x4B, 7, 8])
        put(0, 4)
        put(size, 4)
        put(size, 4)
      }
    }
    directory = bytes.count
    for (name, content) in entries {
      central[name] = bytes.count
      var (narrow, extra) = Self.sizes(UInt64(content.count), form)
      if form == .wide {
        // Size, stored size and offset.
        extra[2] = 24
        extra += Self.little(UInt64(local[name] ?? 0), 8)
        narrow = 0xFFFF_FFFF
      }
      put([0x50, 0x4B, 1, 2])
      put(0, 4)
      put(form == .torch ? 0x0808 : 0x0800, 2)
      put(0, 2)
      put(0, 4)
      put(0, 4)
      put(narrow, 4)
      put(narrow, 4)
      put(UInt64(name.utf8.count), 2)
      put(UInt64(extra.count), 2)
      put(0, 2)
      put(0, 2)
      put(0, 2)
      put(0, 4)
      put(form == .wide ? 0xFFFF_FFFF : UInt64(local[name] ?? 0), 4)
      put(Array(name.utf8))
      put(extra)
    }
    wideEnd = bytes.count
    let size = UInt64(bytes.count - directory)
    let count = UInt64(entries.count)
    if form != .plain {
      put([0x50, 0x4B, 6, 6])
      put(44, 8)
      put(0, 4)
      put(0, 8)
      put(count, 8)
      put(count, 8)
      put(size, 8)
      put(UInt64(directory), 8)
      put([0x50, 0x4B, 6, 7])
      put(0, 4)
      put(UInt64(wideEnd), 8)
      put(1, 4)
    }
    end = bytes.count
    put([0x50, 0x4B, 5, 6])
    put(0, 4)
    put(form == .wide ? 0xFFFF : count, 2)
    put(form == .wide ? 0xFFFF : count, 2)
    put(form == .wide ? 0xFFFF_FFFF : size, 4)
    put(form == .wide ? 0xFFFF_FFFF : UInt64(directory), 4)
    put(0, 2)
  }

  /// An archive of this pickle and these storages, with the small entries that torch adds.
  init(
    pickle: [UInt8], storages: [(key: String, bytes: [UInt8])] = [], form: Form = .torch
  ) {
    var entries: [(name: String, bytes: [UInt8])] = [
      ("m/data.pkl", pickle), ("m/byteorder", Array("little".utf8)),
    ]
    for storage in storages { entries.append(("m/data/\(storage.key)", storage.bytes)) }
    entries.append(("m/version", Array("3\n".utf8)))
    self.init(entries, form: form)
  }

  /// Overwrites `count` bytes at `offset` with a number.
  mutating func set(_ offset: Int, _ count: Int, _ value: UInt64) {
    bytes.replaceSubrange(offset..<(offset + count), with: Self.little(value, count))
  }

  private mutating func put(_ more: [UInt8]) { bytes += more }
  private mutating func put(_ value: UInt64, _ count: Int) { bytes += Self.little(value, count) }

  private static func sizes(_ size: UInt64, _ form: Form) -> (narrow: UInt64, extra: [UInt8]) {
    guard form == .wide else { return (size, []) }
    var extra: [UInt8] = [1, 0, 16, 0]
    extra += little(size, 8)
    extra += little(size, 8)
    return (0xFFFF_FFFF, extra)
  }

  static func little(_ value: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
  }
}

/// Pieces of pickles in protocol 2.
enum Pickled {
  static func file(_ value: [UInt8]) -> [UInt8] { [0x80, 2] + value + [0x2E] }

  static func text(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = [0x58]
    bytes += TorchArchive.little(UInt64(text.utf8.count), 4)
    bytes += Array(text.utf8)
    return bytes
  }

  static func int(_ value: Int) -> [UInt8] {
    if let small = Int32(exactly: value) {
      return [0x4A] + TorchArchive.little(UInt64(UInt32(bitPattern: small)), 4)
    }
    return [0x8A, 8] + TorchArchive.little(UInt64(bitPattern: Int64(value)), 8)
  }

  static func global(_ module: String, _ name: String) -> [UInt8] {
    [0x63] + Array("\(module)\n\(name)\n".utf8)
  }

  static func tuple(_ values: [[UInt8]]) -> [UInt8] {
    var bytes: [UInt8] = [0x28]
    for value in values { bytes += value }
    bytes.append(0x74)
    return bytes
  }

  static func ints(_ values: [Int]) -> [UInt8] { tuple(values.map(int)) }

  static func dictionary(_ pairs: [(key: [UInt8], value: [UInt8])]) -> [UInt8] {
    var bytes: [UInt8] = [0x7D, 0x28]
    for (key, value) in pairs {
      bytes += key
      bytes += value
    }
    bytes.append(0x75)
    return bytes
  }

  static func call(_ module: String, _ name: String, _ arguments: [[UInt8]]) -> [UInt8] {
    global(module, name) + tuple(arguments) + [0x52]
  }

  static let yes: [UInt8] = [0x88]
  static let no: [UInt8] = [0x89]
  static let none: [UInt8] = [0x4E]
  static let hooks = call("collections", "OrderedDict", [])

  static func storage(_ count: Int, type: String = "FloatStorage", key: String = "0") -> [UInt8] {
    let module = type == "UntypedStorage" ? "torch.storage" : "torch"
    return tuple([text("storage"), global(module, type), text(key), text("cpu"), int(count)])
      + [0x51]
  }

  static func tensor(
    _ storage: [UInt8], offset: Int = 0, _ shape: [Int], _ strides: [Int]
  ) -> [UInt8] {
    call(
      "torch._utils", "_rebuild_tensor_v2",
      [storage, int(offset), ints(shape), ints(strides), no, hooks])
  }

  /// A file with one tensor `a`, of the storage `0`.
  static func one(_ tensor: [UInt8]) -> [UInt8] { file(dictionary([(text("a"), tensor)])) }
}

/// The folder of golden PyTorch files.
enum TorchGolden {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Golden/pickle").path

  static func bytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")))
  }
}
