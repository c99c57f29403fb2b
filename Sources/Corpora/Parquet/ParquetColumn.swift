// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The texts of one column of a Parquet file, one at a time. Memory: one page and the dictionary of
/// one group of rows.
struct ParquetColumn {
  /// A text, or what of its bytes is not UTF-8.
  struct Text {
    var text: String
    var invalid: (byte: Int, value: UInt8)?

    init(_ bytes: ArraySlice<UInt8>) {
      if let text = String(validating: bytes, as: UTF8.self) {
        self.text = text
      } else {
        text = String(decoding: bytes, as: UTF8.self)
        let place = firstInvalidUTF8(bytes) ?? 0
        invalid = (place, bytes[bytes.startIndex + min(place, bytes.count - 1)])
      }
    }
  }

  private enum Values {
    case plain(position: Int)
    case dictionary(RunDecoder)
    /// Lengths, which of them is next, and where its bytes begin.
    case lengths([Int], next: Int, position: Int)
    /// Each text begins with so many bytes of the one before it.
    case prefixes([Int], [Int], next: Int, position: Int)
  }

  private let data: Data
  private let path: String
  private let name: String
  private let isOptional: Bool
  /// The chunks still to be read, the last first, each with its number of rows.
  private var chunks: [(chunk: ParquetMetadata.Chunk, rows: Int)]
  private var chunk = ParquetMetadata.Chunk()
  private var packing = ParquetPacking.none
  /// Where the next page of the chunk begins, and values left in its pages.
  private var offset = 0
  private var leftInChunk = 0
  private var leftInPage = 0
  private var page: [UInt8] = []
  private var values = Values.plain(position: 0)
  private var levels: RunDecoder?
  private var dictionary: [Text]?
  private var lastBytes: [UInt8] = []

  init(
    _ data: Data, path: String, leaf: ParquetMetadata.Leaf,
    chunks: [(chunk: ParquetMetadata.Chunk, rows: Int)]
  ) {
    self.data = data
    self.path = path
    name = leaf.name
    isOptional = leaf.repetition == 1
    self.chunks = chunks.reversed()
  }

  /// Where the page that is being read lies, for progress.
  var position: Int { offset }

  private func damaged(_ problem: String) -> CorpusError {
    .damagedParquet(path, place: "column `\(name)`, byte \(offset)", problem: problem)
  }

  private func unread(_ problem: String) -> CorpusError {
    .parquetFeature(path, place: "column `\(name)`", problem: problem)
  }

  /// The next value; `nil` for null. The caller knows how many there are.
  mutating func next() throws -> Text? {
    while leftInPage == 0 { try nextPage() }
    leftInPage -= 1
    leftInChunk -= 1
    if isOptional {
      guard let level = levels?.next(), level <= 1 else {
        throw damaged("it does not tell which values are null")
      }
      if level == 0 { return nil }
    }
    guard let text = value() else { throw damaged("a page has fewer values than it says") }
    return text
  }

  private mutating func value() -> Text? {
    func text(_ position: Int, _ count: Int) -> Text? {
      guard count >= 0, position >= 0, count <= page.count - position else { return nil }
      return Text(page[position..<position + count])
    }
    switch values {
    case .plain(let position):
      guard let count = Self.length(page, position), let found = text(position + 4, count) else {
        return nil
      }
      values = .plain(position: position + 4 + count)
      return found
    case .dictionary(var indices):
      // Taken out, so that the decoder is not copied.
      values = .plain(position: 0)
      defer { values = .dictionary(indices) }
      guard let index = indices.next(), let dictionary, index < dictionary.count else {
        return nil
      }
      return dictionary[index]
    case .lengths(let lengths, let next, let position):
      guard next < lengths.count, let found = text(position, lengths[next]) else { return nil }
      values = .lengths(lengths, next: next + 1, position: position + lengths[next])
      return found
    case .prefixes(let prefixes, let lengths, let next, let position):
      guard next < lengths.count, next < prefixes.count, lengths[next] >= 0,
        lengths[next] <= page.count - position, (0...lastBytes.count).contains(prefixes[next])
      else { return nil }
      lastBytes.removeLast(lastBytes.count - prefixes[next])
      lastBytes += page[position..<position + lengths[next]]
      values = .prefixes(prefixes, lengths, next: next + 1, position: position + lengths[next])
      return Text(lastBytes[...])
    }
  }

  private static func length(_ bytes: [UInt8], _ position: Int) -> Int? {
    guard position >= 0, position <= bytes.count - 4 else { return nil }
    return (0..<4).reduce(0) { $0 | Int(bytes[position + $1]) << (8 * $1) }
  }

  // MARK: Pages

  private mutating func nextPage() throws {
    if leftInChunk == 0 {
      guard let next = chunks.popLast() else { throw damaged("it has fewer values than rows") }
      try begin(next.chunk, rows: next.rows)
      return
    }
    let head = try pageHeader()
    guard (0...ParquetPacking.maximumPageBytes).contains(head.unpackedCount),
      head.packedCount >= 0, head.packedCount <= data.count - offset
    else { throw damaged("a page of \(head.packedCount) bytes does not fit into the file") }
    let packed = [UInt8](
      data[data.startIndex + offset..<data.startIndex + offset + head.packedCount])
    offset += head.packedCount
    switch head.type {
    case 0: try beginPage(head, packed)
    case 1: break  // an index, of no use here
    case 2: try readDictionary(head, packed)
    case 3: try beginPageOfVersion2(head, packed)
    default: throw unread("a page of the unknown type \(head.type)")
    }
  }

  private mutating func begin(_ chunk: ParquetMetadata.Chunk, rows: Int) throws {
    self.chunk = chunk
    dictionary = nil
    guard chunk.file == nil else { throw unread("values in another file, `\(chunk.file ?? "")`") }
    guard let packing = ParquetPacking(rawValue: chunk.codec) else {
      let names = ParquetPacking.names
      throw unread(
        "pages packed by "
          + (names.indices.contains(chunk.codec) ? names[chunk.codec] : "codec \(chunk.codec)"))
    }
    self.packing = packing
    guard chunk.valueCount == rows else {
      throw damaged("\(chunk.valueCount) values for \(rows) rows")
    }
    var start = chunk.dataOffset
    // Some writers say 0 where there is no dictionary.
    if let place = chunk.dictionaryOffset, place > 0 { start = min(start, place) }
    guard start >= 4, start < data.count || rows == 0 else {
      throw damaged("the values are said to begin at byte \(start)")
    }
    offset = start
    leftInChunk = rows
  }

  private mutating func pageHeader() throws -> ParquetPageHeader {
    // Heads may hold the smallest and the largest text of the page.
    var window = 1 << 12
    while true {
      let end = min(data.count, offset + window)
      guard offset < end else { throw damaged("it ends before all values have come") }
      let bytes = [UInt8](data[data.startIndex + offset..<data.startIndex + end])
      var reader = ThriftCompactReader(bytes)
      do throws(ThriftCompactReader.Fault) {
        let head = try ParquetPageHeader(&reader)
        offset += reader.position
        return head
      } catch {
        guard end < data.count, window < 1 << 26 else {
          throw damaged("a page's head cannot be read: \(error.problem)")
        }
        window *= 8
      }
    }
  }

  private func unpacked(_ bytes: ArraySlice<UInt8>, count: Int) throws -> [UInt8] {
    guard let unpacked = packing.unpacked(bytes, count: count) else {
      throw damaged("a page is not \(ParquetPacking.names[packing.rawValue]) of \(count) bytes")
    }
    return unpacked
  }

  private mutating func readDictionary(_ head: ParquetPageHeader, _ packed: [UInt8]) throws {
    guard dictionary == nil else { throw damaged("it has two dictionaries") }
    guard head.encoding == 0 || head.encoding == 2 else {
      throw unread("a dictionary in encoding \(head.encoding)")
    }
    let bytes = try unpacked(packed[...], count: head.unpackedCount)
    // Every entry takes four bytes at least.
    guard (0...bytes.count / 4).contains(head.valueCount) else {
      throw damaged("a dictionary is said to have \(head.valueCount) entries")
    }
    var entries: [Text] = []
    var position = 0
    for _ in 0..<head.valueCount {
      guard let count = Self.length(bytes, position), count <= bytes.count - position - 4 else {
        throw damaged("the dictionary is cut short")
      }
      entries.append(Text(bytes[position + 4..<position + 4 + count]))
      position += 4 + count
    }
    dictionary = entries
  }

  private mutating func beginPage(_ head: ParquetPageHeader, _ packed: [UInt8]) throws {
    page = try unpacked(packed[...], count: head.unpackedCount)
    var position = 0
    if isOptional {
      guard head.levelEncoding == 3 else {
        throw unread("nulls written in encoding \(head.levelEncoding)")
      }
      guard let count = Self.length(page, 0), count <= page.count - 4 else {
        throw damaged("a page is cut short")
      }
      levels = RunDecoder(page, 4..<4 + count, width: 1)
      position = 4 + count
    }
    try beginValues(head, at: position)
  }

  private mutating func beginPageOfVersion2(
    _ head: ParquetPageHeader, _ packed: [UInt8]
  ) throws {
    let levelCount = head.definitionByteCount
    guard head.repetitionByteCount == 0, levelCount >= 0, levelCount <= packed.count,
      levelCount <= head.unpackedCount
    else { throw damaged("a page's levels do not fit into it") }
    let body = packed[levelCount...]
    page =
      head.isPacked
      ? try unpacked(body, count: head.unpackedCount - levelCount) : Array(body)
    if isOptional { levels = RunDecoder(packed, 0..<levelCount, width: 1) }
    try beginValues(head, at: 0)
  }

  private mutating func beginValues(_ head: ParquetPageHeader, at position: Int) throws {
    guard (0...leftInChunk).contains(head.valueCount) else {
      throw damaged("a page is said to have \(head.valueCount) of \(leftInChunk) values")
    }
    leftInPage = head.valueCount
    switch head.encoding {
    case 0: values = .plain(position: position)
    case 2, 8:
      // A page of nothing but nulls may leave out the width.
      let width = position < page.count ? Int(page[position]) : 0
      let start = min(position + 1, page.count)
      guard let indices = RunDecoder(page, start..<page.count, width: width) else {
        throw damaged("numbers of entries are said to have \(width) bits")
      }
      values = .dictionary(indices)
    case 6:
      guard let (lengths, end) = DeltaDecoder.numbers(page, from: position) else {
        throw damaged("the lengths of texts cannot be read")
      }
      values = .lengths(lengths, next: 0, position: end)
    case 7:
      guard let (prefixes, middle) = DeltaDecoder.numbers(page, from: position),
        let (lengths, end) = DeltaDecoder.numbers(page, from: middle)
      else { throw damaged("the lengths of texts cannot be read") }
      lastBytes = []
      values = .prefixes(prefixes, lengths, next: 0, position: end)
    default: throw unread("values in encoding \(head.encoding)")
    }
  }
}
