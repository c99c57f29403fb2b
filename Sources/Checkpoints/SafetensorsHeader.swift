// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

/// The checked header of a safetensors file.
struct SafetensorsHeader {
  typealias Fault = CheckpointError.HeaderFault

  private(set) var entries: [SafetensorsFile.Entry] = []
  private(set) var metadata: [(key: String, value: String)] = []

  init(file: MappedFile) throws(Fault) {
    guard file.byteCount >= 8 else { throw .fileTooShort(byteCount: file.byteCount) }
    let claimed = file.withBytes(0..<8) { bytes in
      // Safety: eight bytes are lent; any bit pattern is an integer.
      unsafe UInt64(littleEndian: bytes.unsafeLoadUnaligned(as: UInt64.self))
    }
    if claimed > UInt64(SafetensorsFile.headerByteLimit) {
      throw .headerTooLong(claimed: claimed, limit: SafetensorsFile.headerByteLimit)
    }
    // At most 10⁸, so the conversion and the sum below are exact.
    let headerByteCount = Int(claimed)
    guard headerByteCount <= file.byteCount - 8 else {
      throw .headerBeyondFile(claimed: claimed, available: file.byteCount - 8)
    }
    let dataStart = 8 + headerByteCount
    let bytes = file.withBytes(8..<dataStart) { span in
      // Safety: i stays inside the span; any bit pattern is a byte.
      (0..<span.byteCount).map { unsafe span.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
    }
    let json: JSON
    do throws(DocumentError) {
      json = try JSON.parse(bytes, origin: file.path)
    } catch {
      if case .syntax(_, let position, let problem) = error {
        throw .notJSON(problem, position: "header \(position)")
      }
      throw .notJSON(error.diagnosis.what, position: "header")
    }
    guard let object = json.object else { throw .notAnObject(found: json.kindName) }
    try read(object, dataStart: dataStart)
    try checkCover(dataByteCount: file.byteCount - dataStart, dataStart: dataStart)
  }

  private mutating func read(_ object: JSONObject, dataStart: Int) throws(Fault) {
    entries.reserveCapacity(object.count)
    for (name, value) in object.members {
      if name == "__metadata__" {
        guard let members = value.object else {
          throw .metadata(key: nil, found: value.kindName)
        }
        for (key, text) in members.members {
          guard let text = text.string else { throw .metadata(key: key, found: text.kindName) }
          metadata.append((key, text))
        }
      } else {
        entries.append(try Self.entry(name, value, dataStart: dataStart))
      }
    }
    entries.sort {
      ($0.offset, $0.info.byteCount, $0.name) < ($1.offset, $1.info.byteCount, $1.name)
    }
  }

  private static func entry(
    _ name: String, _ value: JSON, dataStart: Int
  ) throws(Fault) -> SafetensorsFile.Entry {
    guard let members = value.object else {
      throw .entry(
        tensor: name, key: name, expected: "an object with dtype, shape and data_offsets",
        found: value.kindName)
    }
    for key in members.keys where !["dtype", "shape", "data_offsets"].contains(key) {
      throw .entry(
        tensor: name, key: key, expected: "one of dtype, shape, data_offsets", found: "`\(key)`")
    }
    guard let typeName = members["dtype"]?.string else {
      throw .entry(
        tensor: name, key: "dtype", expected: "a text",
        found: members["dtype"]?.kindName ?? "nothing")
    }
    guard let type = ElementType(rawValue: typeName) else {
      throw .unknownType(
        tensor: name, found: typeName,
        nearest: nearestName(to: typeName, in: ElementType.allCases.map(\.rawValue)))
    }
    let extents = try numbers(name, members, "shape", expected: "a list of whole numbers")
    guard let shape = Shape(checking: extents),
      case (let byteCount, false) = shape.elementCount.multipliedReportingOverflow(
        by: type.byteCount)
    else { throw .shapeOverflow(tensor: name, found: "\(extents)") }
    let offsets = try numbers(
      name, members, "data_offsets", expected: "two whole numbers, begin and end")
    guard offsets.count == 2 else {
      throw .entry(
        tensor: name, key: "data_offsets", expected: "two whole numbers, begin and end",
        found: "\(offsets.count) numbers")
    }
    let (begin, end) = (offsets[0], offsets[1])
    guard begin <= end else { throw .reversedOffsets(tensor: name, begin: begin, end: end) }
    guard end - begin == byteCount else {
      throw .byteCount(
        tensor: name, elementType: type, shape: shape, expected: byteCount, found: end - begin)
    }
    guard case (let offset, false) = begin.addingReportingOverflow(dataStart) else {
      throw .beyondFile(tensor: name, end: end, dataByteCount: 0)
    }
    return .init(name: name, info: TensorInfo(elementType: type, shape: shape), offset: offset)
  }

  /// A list of whole numbers, none negative.
  private static func numbers(
    _ tensor: String, _ members: JSONObject, _ key: String, expected: String
  ) throws(Fault) -> [Int] {
    guard let list = members[key]?.array else {
      throw .entry(
        tensor: tensor, key: key, expected: expected, found: members[key]?.kindName ?? "nothing")
    }
    var numbers: [Int] = []
    for element in list {
      guard let number = element.int, number >= 0 else {
        throw .entry(
          tensor: tensor, key: key, expected: expected, found: "`\(element.serialized())`")
      }
      numbers.append(number)
    }
    return numbers
  }

  /// The tensors follow each other from the first data byte to the last.
  private func checkCover(dataByteCount: Int, dataStart: Int) throws(Fault) {
    var position = 0
    var previous = ""
    for entry in entries {
      let begin = entry.offset - dataStart
      let (end, overflow) = begin.addingReportingOverflow(entry.info.byteCount)
      if overflow || end > dataByteCount {
        throw .beyondFile(
          tensor: entry.name, end: overflow ? .max : end, dataByteCount: dataByteCount)
      }
      if begin < position {
        throw .overlap(
          tensor: entry.name, begin: begin, previous: previous, previousEnd: position)
      }
      if begin > position { throw .gap(tensor: entry.name, begin: begin, previousEnd: position) }
      position = end
      previous = entry.name
    }
    if position != dataByteCount {
      throw .trailingBytes(expected: position, found: dataByteCount)
    }
  }
}
