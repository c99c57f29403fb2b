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
  /// The tensors of a file, in order of name; all are floats. A name that ends in `.bin` is one of
  /// PyTorch's, which is read without executing anything in it; all others are safetensors.
  static func tensors(
    _ name: String, in folder: ModelFolder
  ) throws(AdapterError) -> [AdapterTensor] {
    do throws(CheckpointError) {
      let file = try folder.file(name)
      let sources =
        name.hasSuffix(".bin") ? try TorchFile(file).sources : try SafetensorsFile(file).sources
      for (tensor, source) in sources where !source.info.elementType.isFloatingPoint {
        throw .integerWeights(source.info.elementType, tensor: tensor, origin: file.path)
      }
      return sources.map { AdapterTensor(name: $0.name, source: $0.source) }
        .sorted { $0.name < $1.name }
    } catch {
      throw .checkpoint(error)
    }
  }

  /// A JSON document that is an object.
  static func configuration(
    _ name: String, in folder: ModelFolder
  ) throws(AdapterError) -> JSONObject {
    let json: JSON
    do throws(CheckpointError) {
      json = try folder.document(name)
    } catch {
      if case .document(let problem) = error { throw .document(problem) }
      throw .checkpoint(error)
    }
    guard let object = json.object else {
      throw .document(
        .wrongValue(
          path: "the document", line: nil, origin: folder.path(of: name), expected: "an object",
          found: json.kindName))
    }
    return object
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
