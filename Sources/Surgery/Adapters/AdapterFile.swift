// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

/// A tensor of an adapter's file.
struct AdapterTensor: Sendable {
  /// Its name in the file.
  let name: String
  let source: TensorSource

  var shape: Shape { source.info.shape }
}

/// The files of an adapter's folder.
enum AdapterFile {
  /// Whether a file can be opened at `path`.
  static func exists(_ path: String) -> Bool { (try? MappedFile(path)) != nil }

  static func join(_ directory: String, _ name: String) -> String {
    directory.hasSuffix("/") ? directory + name : "\(directory)/\(name)"
  }

  /// The tensors of a safetensors file, in order of name; all are floats.
  static func tensors(_ path: String) throws(AdapterError) -> [AdapterTensor] {
    do throws(CheckpointError) {
      let header = try SafetensorsFile(path)
      let file = try MappedFile(path)
      var tensors: [AdapterTensor] = []
      for entry in header.entries {
        guard entry.offset + entry.info.byteCount <= file.byteCount else {
          throw .cannotRead(path: path, reason: "it became shorter while it was opened")
        }
        guard entry.info.elementType.isFloatingPoint else {
          throw .integerWeights(entry.info.elementType, tensor: entry.name, origin: path)
        }
        let reader = MappedTensorReader(file: file, info: entry.info, offset: entry.offset)
        tensors.append(
          AdapterTensor(
            name: entry.name, source: TensorSource(info: entry.info, origin: path) { reader }))
      }
      return tensors.sorted { $0.name < $1.name }
    } catch {
      throw .checkpoint(error)
    }
  }

  /// A JSON document that is an object.
  static func configuration(_ path: String) throws(AdapterError) -> JSONObject {
    let bytes: [UInt8]
    do throws(CheckpointError) {
      let file = try MappedFile(path)
      bytes = file.withBytes(0..<file.byteCount) { span in
        (0..<span.byteCount).map { span.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
      }
    } catch {
      throw .checkpoint(error)
    }
    do throws(DocumentError) {
      let json = try JSON.parse(bytes, origin: path)
      guard let object = json.object else {
        throw .wrongValue(
          path: "the document", line: nil, origin: path, expected: "an object",
          found: json.kindName)
      }
      return object
    } catch {
      throw .document(error)
    }
  }
}

/// Reads a tensor of a mapped file whose header has been checked.
private struct MappedTensorReader: TensorReader {
  let file: MappedFile
  let info: TensorInfo
  let offset: Int

  func read(from start: Int, into output: MutableFloatChunk) throws(CheckpointError) {
    precondition(
      start >= 0 && start + output.count <= info.shape.elementCount, "elements outside the tensor")
    let size = info.elementType.byteCount
    let first = offset + start * size
    file.withBytes(first..<(first + output.count * size)) { bytes in
      Conversion.decode(bytes, as: info.elementType, into: output)
    }
  }
}

extension TensorSource {
  /// Elements in `range` as floats, checked to be finite; `name` is for the error.
  static func floats(
    _ reader: any TensorReader, _ range: Range<Int>, name: String, origin: String
  ) throws(CheckpointError) -> [Float] {
    var values = [Float](repeating: 0, count: range.count)
    try values.withMutableChunk { (chunk) throws(CheckpointError) in
      try reader.read(from: range.lowerBound, into: chunk)
    }
    // One pass without a branch inside; the place is looked for only if there is one.
    var isDamaged = false
    for value in values { isDamaged = isDamaged || !value.isFinite }
    if isDamaged, let index = values.firstIndex(where: { !$0.isFinite }) {
      throw .notFinite(
        tensor: name, index: range.lowerBound + index, value: "\(values[index])", origin: origin)
    }
    return values
  }
}
