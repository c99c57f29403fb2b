// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// A zip archive as `torch.save` writes it: every entry stored, none compressed.
///
/// Every record that says something twice is compared with its twin: the end record with its zip64
/// form, each entry of the central directory with the local header before its data. Entries lie
/// inside the file and do not overlap, names occur once. What torch never writes is refused: several
/// disks, comments, encryption, compression. Checksums are not computed (torch does not either when
/// reading, and can be told not to write them); they would cost a pass over all weights.
struct ZipArchive {
  typealias Fault = CheckpointError.ArchiveFault

  /// A stored file: where its bytes lie in the archive.
  struct Entry: Equatable {
    let name: String
    let offset: Int
    let byteCount: Int
  }

  /// The longest central directory accepted: over a million entries.
  static let directoryByteLimit = 100_000_000

  let file: MappedFile
  /// In the order of the directory.
  private(set) var entries: [Entry] = []
  private var places: [String: Int] = [:]

  subscript(_ name: String) -> Entry? { places[name].map { entries[$0] } }

  init(_ file: MappedFile) throws(Fault) {
    self.file = file
    let start = file.bytes(0..<min(4, file.byteCount))
    guard start == [0x50, 0x4B, 0x03, 0x04] else {
      throw .notAnArchive(Self.format(of: file))
    }
    let directory = try Self.directory(of: file)
    let headers = try Self.headers(file: file, directory: directory)
    try place(headers, limit: directory.range.lowerBound)
  }

  // MARK: The end of the file

  private struct Directory {
    let range: Range<Int>
    let entryCount: Int
  }

  /// Finds the central directory from the records at the end, which contradict neither each other
  /// nor the file.
  private static func directory(of file: MappedFile) throws(Fault) -> Directory {
    let end = file.byteCount - 22
    guard end >= 4 else { throw .noEndRecord(byteCount: file.byteCount) }
    let record = Record(file.bytes(end..<file.byteCount), at: end)
    guard record[0, 4] == 0x0605_4B50 else { throw .noEndRecord(byteCount: file.byteCount) }
    try record.expect("The end record's disk number", 4, 2, 0)
    try record.expect("The end record's disk of the directory", 6, 2, 0)
    try record.expect("The end record's comment length", 20, 2, 0)
    var count = record[10, 2]
    var size = record[12, 4]
    var offset = record[16, 4]
    try record.expect("The end record's entry count on this disk", 8, 2, count)
    var limit = end
    let locator = end - 20
    if locator >= 4, Record(file.bytes(locator..<end), at: locator)[0, 4] == 0x0706_4B50 {
      let locatorRecord = Record(file.bytes(locator..<end), at: locator)
      let wide = locator - 56
      guard wide >= 4 else {
        throw .record(
          "The zip64 end record", offset: locator, expected: "56 bytes before its locator",
          found: "\(locator) bytes of file")
      }
      try locatorRecord.expect("The zip64 locator's disk number", 4, 4, 0)
      try locatorRecord.expect("The zip64 locator's offset", 8, 8, UInt64(wide))
      let wideRecord = Record(file.bytes(wide..<locator), at: wide)
      try wideRecord.expect("The zip64 end record's signature", 0, 4, 0x0606_4B50)
      try wideRecord.expect("The zip64 end record's size", 4, 8, 44)
      try wideRecord.expect("The zip64 end record's disk number", 16, 4, 0)
      try wideRecord.expect("The zip64 end record's disk of the directory", 20, 4, 0)
      let wideCount = wideRecord[32, 8]
      try wideRecord.expect("The zip64 entry count on this disk", 24, 8, wideCount)
      try record.expect("The end record's entry count", count, 0xFFFF, wideCount)
      try record.expect("The end record's directory size", size, 0xFFFF_FFFF, wideRecord[40, 8])
      try record.expect(
        "The end record's directory offset", offset, 0xFFFF_FFFF, wideRecord[48, 8])
      (count, size, offset) = (wideCount, wideRecord[40, 8], wideRecord[48, 8])
      limit = wide
    }
    guard size <= UInt64(limit) else {
      throw .record(
        "The directory's size", offset: end, expected: "at most \(grouped(limit))",
        found: grouped(size))
    }
    guard Int(size) <= directoryByteLimit else {
      throw .directoryTooLong(claimed: Int(size), limit: directoryByteLimit)
    }
    // At most the file's size, so the difference and the conversions are exact.
    let first = limit - Int(size)
    guard offset == UInt64(first) else {
      throw .record(
        "The directory's offset", offset: end,
        expected: "\(grouped(first)), right before the end records", found: grouped(offset))
    }
    guard count <= size / 46 else {
      throw .record(
        "The directory's entry count", offset: end,
        expected: "at most \(grouped(size / 46)) in \(grouped(size)) bytes", found: grouped(count))
    }
    return Directory(range: first..<limit, entryCount: Int(count))
  }

  // MARK: The directory

  private struct Header {
    let name: String
    let nameBytes: ArraySlice<UInt8>
    let flags: UInt64
    let checksum: UInt64
    let byteCount: Int
    let localOffset: Int
  }

  private static func headers(
    file: MappedFile, directory: Directory
  ) throws(Fault) -> [Header] {
    let base = directory.range.lowerBound
    let bytes = file.bytes(directory.range)
    var headers: [Header] = []
    headers.reserveCapacity(directory.entryCount)
    var position = 0
    for _ in 0..<directory.entryCount {
      guard bytes.count - position >= 46 else {
        throw .record(
          "The directory", offset: base + position,
          expected: "\(grouped(directory.entryCount)) entries", found: grouped(headers.count))
      }
      let record = Record(bytes, from: position, at: base + position)
      try record.expect("The directory entry's signature", 0, 4, 0x0201_4B50)
      let (nameCount, extraCount) = (Int(record[28, 2]), Int(record[30, 2]))
      let nameEnd = position + 46 + nameCount
      let end = nameEnd + extraCount + Int(record[32, 2])
      guard end <= bytes.count else {
        throw .record(
          "The directory entry's end", offset: base + position,
          expected: "at most byte \(grouped(base + bytes.count))", found: grouped(base + end))
      }
      let nameBytes = bytes[(position + 46)..<nameEnd]
      guard !nameBytes.isEmpty, let name = String(validating: nameBytes, as: UTF8.self) else {
        throw .record(
          "The directory entry's name", offset: base + position, expected: "a text in UTF-8",
          found: nameBytes.isEmpty ? "nothing" : "other bytes")
      }
      let flags = record[8, 2]
      if flags & 0x2041 != 0 { throw .encrypted(entry: name) }
      guard record[10, 2] == 0 else {
        // TorchScript compresses its source, which says more of the file than the compression.
        if name.contains("/code/") { throw .torchScript(entry: name) }
        throw .compressed(entry: name, method: Int(record[10, 2]))
      }
      try record.expect("The disk number of the entry `\(shortened(name))`", 34, 2, 0)
      var wide = try Wide(
        bytes[nameEnd..<(nameEnd + extraCount)], entry: name, offset: base + nameEnd)
      // In this order, each only where its narrow field is full.
      let size = try wide.value(record[24, 4])
      let stored = try wide.value(record[20, 4])
      let local = try wide.value(record[42, 4])
      guard stored == size else {
        throw .record(
          "The stored size of the entry `\(shortened(name))`", offset: base + position,
          expected: grouped(size), found: grouped(stored))
      }
      // Both below the directory's offset, so they fit an Int and their sum does not overflow.
      guard size <= UInt64(base), local <= UInt64(base) else {
        throw .entryBeyondFile(name, end: Int(clamping: max(size, local)), limit: base)
      }
      headers.append(
        Header(
          name: name, nameBytes: nameBytes, flags: flags, checksum: record[16, 4],
          byteCount: Int(size), localOffset: Int(local)))
      position = end
    }
    guard position == bytes.count else {
      throw .record(
        "The directory", offset: base + position,
        expected: "to end at byte \(grouped(base + position))",
        found: grouped(base + bytes.count))
    }
    return headers
  }

  /// Compares each entry with its local header, and finds its data.
  private mutating func place(_ headers: [Header], limit: Int) throws(Fault) {
    entries.reserveCapacity(headers.count)
    for header in headers {
      let start = header.localOffset
      guard limit - start >= 30 else {
        throw .entryBeyondFile(header.name, end: start + 30, limit: limit)
      }
      let record = Record(file.bytes(start..<(start + 30)), at: start)
      func title(_ field: String) -> String {
        "The local \(field) of the entry `\(shortened(header.name))`"
      }
      try record.expect(title("signature"), 0, 4, 0x0403_4B50)
      try record.expect(title("flags"), 6, 2, header.flags)
      try record.expect(title("method"), 8, 2, 0)
      let (nameCount, extraCount) = (Int(record[26, 2]), Int(record[28, 2]))
      let (extra, data) = (start + 30 + nameCount, start + 30 + nameCount + extraCount)
      guard data <= limit, header.byteCount <= limit - data else {
        throw .entryBeyondFile(header.name, end: data + header.byteCount, limit: limit)
      }
      guard file.bytes((start + 30)..<extra)[...] == header.nameBytes else {
        throw .record(
          title("name"), offset: start, expected: "`\(shortened(header.name))`",
          found: "another")
      }
      // With flag bit 3 the facts follow the data, and zeros stand here.
      let isDeferred = header.flags & 8 != 0
      if !(isDeferred && record[14, 4] == 0) {
        try record.expect(title("checksum"), 14, 4, header.checksum)
      }
      var wide = try Wide(file.bytes(extra..<data)[...], entry: header.name, offset: extra)
      for (field, place) in [("size", 22), ("stored size", 18)] {
        let narrow = record[place, 4]
        let size = try wide.value(narrow)
        guard size == UInt64(header.byteCount) || (isDeferred && size == 0) else {
          throw .record(
            title(field), offset: start, expected: grouped(header.byteCount), found: grouped(size))
        }
      }
      guard places.updateValue(entries.count, forKey: header.name) == nil else {
        throw .duplicateEntry(header.name)
      }
      entries.append(Entry(name: header.name, offset: data, byteCount: header.byteCount))
    }
    try checkOverlap(headers)
  }

  private func checkOverlap(_ headers: [Header]) throws(Fault) {
    let order = headers.indices.sorted { headers[$0].localOffset < headers[$1].localOffset }
    for (one, next) in zip(order, order.dropFirst()) {
      let end = entries[one].offset + entries[one].byteCount
      if headers[next].localOffset < end {
        throw .overlap(
          headers[next].name, begin: headers[next].localOffset, previous: headers[one].name,
          previousEnd: end)
      }
    }
  }

  // MARK: Other formats

  private static func format(of file: MappedFile) -> Fault.Format {
    let start = file.bytes(0..<min(512, file.byteCount))
    // PROTO 2, then the ten bytes of the magic number 0x1950a86a20f9469cfc6c as LONG1.
    if start.count >= 4, start[0] == 0x80, start[2] == 0x8A, start[3] == 0x0A { return .legacy }
    if start.count >= 262, start[257..<262].elementsEqual("ustar".utf8) { return .tar }
    if start.starts(with: "version https://git-lfs".utf8) { return .lfsPointer }
    return .unknown(firstBytes: Array(start.prefix(4)))
  }
}

/// A fixed part of the archive: little-endian numbers at known places.
private struct Record {
  private let bytes: [UInt8]
  private let start: Int
  /// Where in the file the record begins, for messages.
  private let offset: Int

  init(_ bytes: [UInt8], from start: Int = 0, at offset: Int) {
    self.bytes = bytes
    self.start = start
    self.offset = offset
  }

  subscript(place: Int, count: Int) -> UInt64 {
    littleEndian(bytes, at: start + place, count: count)
  }

  func expect(
    _ name: @autoclosure () -> String, _ place: Int, _ count: Int, _ expected: UInt64
  ) throws(CheckpointError.ArchiveFault) {
    let found = self[place, count]
    guard found == expected else {
      throw .record(
        name(), offset: offset, expected: grouped(expected), found: grouped(found))
    }
  }

  /// A narrow field that is either full, or equal to its zip64 twin.
  func expect(
    _ name: String, _ found: UInt64, _ full: UInt64, _ expected: UInt64
  ) throws(CheckpointError.ArchiveFault) {
    guard found == full || found == expected else {
      throw .record(name, offset: offset, expected: grouped(expected), found: grouped(found))
    }
  }
}

/// The extra fields of an entry: those of zip64 are read, others stepped over.
private struct Wide {
  private var values: [UInt64] = []
  private var next = 0
  private let entry: String
  private let offset: Int

  init(_ bytes: ArraySlice<UInt8>, entry: String, offset: Int) throws(CheckpointError.ArchiveFault)
  {
    self.entry = entry
    self.offset = offset
    var position = bytes.startIndex
    var isFound = false
    while position < bytes.endIndex {
      let rest = bytes.endIndex - position
      let count = rest >= 4 ? Int(littleEndian(bytes, at: position + 2, count: 2)) : 0
      guard rest >= 4, count <= rest - 4 else {
        throw .record(
          "The extra field of the entry `\(shortened(entry))`", offset: offset,
          expected: "at most \(rest) bytes", found: "\(4 + count)")
      }
      if littleEndian(bytes, at: position, count: 2) == 1 {
        guard !isFound else {
          throw .record(
            "The zip64 field of the entry `\(shortened(entry))`", offset: offset,
            expected: "at most one", found: "two")
        }
        isFound = true
        values = stride(from: 0, to: count - count % 8, by: 8).map {
          littleEndian(bytes, at: position + 4 + $0, count: 8)
        }
      }
      position += 4 + count
    }
  }

  /// The value of a 32-bit field: its own, or where that is full the next of the zip64 field.
  mutating func value(_ narrow: UInt64) throws(CheckpointError.ArchiveFault) -> UInt64 {
    guard narrow == 0xFFFF_FFFF else { return narrow }
    guard next < values.count else {
      throw .record(
        "The zip64 field of the entry `\(shortened(entry))`", offset: offset,
        expected: "a value for each field that is full", found: "\(values.count) values")
    }
    defer { next += 1 }
    return values[next]
  }
}

/// `count` bytes, at most eight, as one number, the first lowest.
func littleEndian<Bytes: RandomAccessCollection>(
  _ bytes: Bytes, at start: Int, count: Int
) -> UInt64 where Bytes.Element == UInt8, Bytes.Index == Int {
  var value: UInt64 = 0
  for i in 0..<count { value |= UInt64(bytes[start + i]) << UInt64(8 * i) }
  return value
}

extension MappedFile {
  /// A copy of the bytes at `range`, which lies inside the file.
  func bytes(_ range: Range<Int>) -> [UInt8] {
    withBytes(range) { span in
      // Safety: the buffer has room for the span's bytes, which do not overlap it.
      unsafe Array(unsafeUninitializedCapacity: span.byteCount) { buffer, count in
        unsafe span.withUnsafeBytes { _ = unsafe buffer.update(fromContentsOf: $0) }
        count = span.byteCount
      }
    }
  }
}
