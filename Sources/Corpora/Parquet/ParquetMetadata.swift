// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// What of a Parquet file's footer is needed to read columns of text.
///
/// - Source: the Apache Parquet format, parquet.thrift of version 2.10: the numbers of its fields.
struct ParquetMetadata {
  typealias Fault = ThriftCompactReader.Fault

  /// A column with values, in the order of the file.
  struct Leaf {
    var name: String
    /// `BYTE_ARRAY` is 6.
    var type: Int
    /// Whether it stands directly below the root.
    var isTopLevel: Bool
    /// 0 required, 1 optional, 2 repeated.
    var repetition: Int
  }

  /// The values of one column in one group of rows.
  struct Chunk {
    var type = -1
    var codec = 0
    var valueCount = 0
    var byteCount = 0
    var dataOffset = -1
    var dictionaryOffset: Int?
    var file: String?
  }

  struct RowGroup {
    var rowCount = 0
    var chunks: [Chunk] = []
  }

  private(set) var leaves: [Leaf] = []
  /// Names of columns below the root, those with columns of their own included.
  private(set) var topNames: [String] = []
  private(set) var groups: [RowGroup] = []
  private(set) var rowCount = 0

  /// Reads a footer. Says what is wrong by a fault with an offset into the footer.
  init(footer: [UInt8]) throws(Fault) {
    var reader = ThriftCompactReader(footer)
    var elements: [Element] = []
    var (rowCount, groups) = (0, [RowGroup]())
    try reader.structure { (reader, field) throws(Fault) -> Bool in
      switch field.id {
      case 2:
        try reader.structures(field) { (reader) throws(Fault) in
          elements.append(try Element(&reader))
        }
      case 3: rowCount = try reader.int(field)
      case 4:
        try reader.structures(field) { (reader) throws(Fault) in
          groups.append(try RowGroup(&reader))
        }
      default: return false
      }
      return true
    }
    (self.rowCount, self.groups) = (rowCount, groups)
    guard rowCount >= 0 else {
      throw Fault(offset: reader.position, problem: "the number of rows is negative")
    }
    var next = 0
    try addColumns(of: elements, &next, depth: 0, end: reader.position)
    guard next == elements.count else {
      throw Fault(offset: reader.position, problem: "the schema has more elements than it tells of")
    }
    for group in groups {
      guard group.chunks.count == leaves.count, group.rowCount >= 0 else {
        throw Fault(
          offset: reader.position,
          problem: "a group has \(group.chunks.count) columns, the schema \(leaves.count)")
      }
    }
  }

  private struct Element {
    var name = ""
    var type = -1
    var repetition = 0
    var childCount = 0

    init(_ reader: inout ThriftCompactReader) throws(Fault) {
      var (name, type, repetition, childCount) = ("", -1, 0, 0)
      try reader.structure { (reader, field) throws(Fault) -> Bool in
        switch field.id {
        case 1: type = try reader.int(field)
        case 3: repetition = try reader.int(field)
        case 4: name = try reader.text(field)
        case 5: childCount = try reader.int(field)
        default: return false
        }
        return true
      }
      (self.name, self.type) = (name, type)
      (self.repetition, self.childCount) = (repetition, childCount)
    }
  }

  /// The schema lists its tree depth first; each element tells how many children follow it.
  private mutating func addColumns(
    of elements: [Element], _ next: inout Int, depth: Int, end: Int
  ) throws(Fault) {
    guard next < elements.count, depth < 64 else {
      throw Fault(offset: end, problem: "the schema is cut short or too deep")
    }
    let element = elements[next]
    next += 1
    guard (0...2).contains(element.repetition), (0...elements.count).contains(element.childCount)
    else {
      throw Fault(offset: end, problem: "the schema's element `\(element.name)` cannot be")
    }
    if depth == 1 { topNames.append(element.name) }
    if depth > 0, element.childCount == 0 {
      leaves.append(
        Leaf(
          name: element.name, type: element.type, isTopLevel: depth == 1,
          repetition: element.repetition))
    }
    for _ in 0..<element.childCount {
      try addColumns(of: elements, &next, depth: depth + 1, end: end)
    }
  }
}

extension ParquetMetadata.RowGroup {
  fileprivate init(_ reader: inout ThriftCompactReader) throws(ParquetMetadata.Fault) {
    typealias Fault = ParquetMetadata.Fault
    var (rowCount, chunks) = (0, [ParquetMetadata.Chunk]())
    try reader.structure { (reader, field) throws(Fault) -> Bool in
      switch field.id {
      case 1:
        try reader.structures(field) { (reader) throws(Fault) in
          chunks.append(try ParquetMetadata.Chunk(&reader))
        }
      case 3: rowCount = try reader.int(field)
      default: return false
      }
      return true
    }
    self.init(rowCount: rowCount, chunks: chunks)
  }
}

extension ParquetMetadata.Chunk {
  fileprivate init(_ reader: inout ThriftCompactReader) throws(ParquetMetadata.Fault) {
    typealias Fault = ParquetMetadata.Fault
    var chunk = Self()
    try reader.structure { (reader, field) throws(Fault) -> Bool in
      switch (field.id, field.kind) {
      case (1, _): chunk.file = try reader.text(field)
      case (3, .structure):
        try reader.structure { (reader, field) throws(Fault) -> Bool in
          switch field.id {
          case 1: chunk.type = try reader.int(field)
          case 4: chunk.codec = try reader.int(field)
          case 5: chunk.valueCount = try reader.int(field)
          case 7: chunk.byteCount = try reader.int(field)
          case 9: chunk.dataOffset = try reader.int(field)
          case 11: chunk.dictionaryOffset = try reader.int(field)
          default: return false
          }
          return true
        }
      default: return false
      }
      return true
    }
    self = chunk
  }
}

/// The head of a page.
struct ParquetPageHeader {
  /// 0 data, 1 index, 2 dictionary, 3 data of version 2.
  var type = -1
  var unpackedCount = -1
  var packedCount = -1
  /// Values, nulls included.
  var valueCount = -1
  var encoding = -1
  /// How version 1 writes which values are null.
  var levelEncoding = -1
  var definitionByteCount = 0
  var repetitionByteCount = 0
  /// Of version 2: whether the values are packed.
  var isPacked = true

  init(_ reader: inout ThriftCompactReader) throws(ThriftCompactReader.Fault) {
    typealias Fault = ThriftCompactReader.Fault
    var head = Self.empty
    try reader.structure { (reader, field) throws(Fault) -> Bool in
      switch (field.id, field.kind) {
      case (1, _): head.type = try reader.int(field)
      case (2, _): head.unpackedCount = try reader.int(field)
      case (3, _): head.packedCount = try reader.int(field)
      case (5, .structure), (7, .structure):
        try reader.structure { (reader, inner) throws(Fault) -> Bool in
          switch inner.id {
          case 1: head.valueCount = try reader.int(inner)
          case 2: head.encoding = try reader.int(inner)
          case 3 where field.id == 5: head.levelEncoding = try reader.int(inner)
          default: return false
          }
          return true
        }
      case (8, .structure):
        try reader.structure { (reader, inner) throws(Fault) -> Bool in
          switch (inner.id, inner.kind) {
          case (1, _): head.valueCount = try reader.int(inner)
          case (4, _): head.encoding = try reader.int(inner)
          case (5, _): head.definitionByteCount = try reader.int(inner)
          case (6, _): head.repetitionByteCount = try reader.int(inner)
          case (7, .yes): head.isPacked = true
          case (7, .no): head.isPacked = false
          default: return false
          }
          return true
        }
      default: return false
      }
      return true
    }
    self = head
  }

  private init() {}
  private static var empty: Self { Self() }
}
