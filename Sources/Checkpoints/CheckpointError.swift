// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What can go wrong with a folder of weights.
public enum CheckpointError: Diagnosed, Equatable {
  /// The system refused to open, map or list something; `reason` is its own text.
  case cannotRead(path: String, reason: String)
  /// The folder holds neither `model.safetensors` nor `model.safetensors.index.json`, nor PyTorch
  /// files in their place.
  case noWeights(directory: String, found: [String])
  /// `config.json` or the shard index is not what it should be.
  case document(DocumentError)
  /// The header of a safetensors file contradicts itself or the file.
  case header(file: String, HeaderFault)
  /// The index and the shards disagree.
  case index(file: String, IndexFault)
  /// No tensor has this name.
  case noTensor(String, origin: String, nearest: String?)
  /// A value of `config.json` that the architecture needs is missing or out of range.
  case config(key: String, origin: String, expected: String, found: String)
  /// Koine has no blueprint for this `model_type`.
  case unsupportedArchitecture(found: String, origin: String, supported: [String])
  /// The weights do not fit `config.json`.
  case missingTensor(String, shape: Shape, origin: String, nearest: String?)
  case unexpectedTensor(String, shape: Shape, origin: String, nearest: String?)
  case wrongShape(tensor: String, expected: Shape, found: Shape, origin: String)
  /// A weight is NaN or infinite; `index` counts elements in row-major order.
  case notFinite(tensor: String, index: Int, value: String, origin: String)
  /// A file holds a weight as something other than floats; `origin` is the file.
  case integerWeights(ElementType, tensor: String, origin: String)
  /// A type was asked for that weights cannot have.
  case notAFloatType(ElementType, tensor: String)
  /// Something already lies where the result should go.
  case targetExists(directory: String, isCheckpoint: Bool, force: Bool)
  /// The result should go where no new folder can be.
  case target(String, TargetFault)
  /// The system refused to write; `reason` is its own text.
  case cannotWrite(path: String, reason: String, neededByteCount: Int)
  /// The writing was asked to stop.
  case interrupted
  /// An operator could not compute a tensor.
  case operation(Diagnosis)
  /// A PyTorch file is not the zip archive that torch writes.
  case archive(file: String, ArchiveFault)
  /// The pickle in a PyTorch file holds something else than tensors, or lies about them.
  case pickle(file: String, PickleFault)
  case statistics(path: String, StatisticsFault)
  /// A folder is quantised in a way that is not known, or says so wrongly.
  case quantization(QuantizationFault, origin: String)

  /// How a header lies.
  public enum HeaderFault: Equatable, Sendable {
    case fileTooShort(byteCount: Int)
    case headerBeyondFile(claimed: UInt64, available: Int)
    case headerTooLong(claimed: UInt64, limit: Int)
    case notJSON(String, position: String)
    case notAnObject(found: String)
    case metadata(key: String?, found: String)
    case entry(tensor: String, key: String, expected: String, found: String)
    case unknownType(tensor: String, found: String, nearest: String?)
    case shapeOverflow(tensor: String, found: String)
    case byteCount(
      tensor: String, elementType: ElementType, shape: Shape, expected: Int, found: Int)
    case reversedOffsets(tensor: String, begin: Int, end: Int)
    case overlap(tensor: String, begin: Int, previous: String, previousEnd: Int)
    case gap(tensor: String, begin: Int, previousEnd: Int)
    case beyondFile(tensor: String, end: Int, dataByteCount: Int)
    case trailingBytes(expected: Int, found: Int)
  }

  /// Why a path cannot become an output folder.
  public enum TargetFault: Equatable, Sendable {
    /// The path is empty, or ends in `.`, `..` or `/`: it names no folder that could be made.
    case noName
    /// A file is there.
    case file
    /// A symbolic link is there; a new folder would take the link's place, not its destination's.
    case link(to: String)
    /// A checkpoint is there, and beside it a file that no checkpoint has.
    case foreignFile(String)
    /// The folder is one that the result is made from.
    case input
  }

  /// How an index and its shards disagree.
  public enum IndexFault: Equatable, Sendable {
    case missingShard(file: String, tensor: String)
    case absentTensor(String, shard: String)
    case unlistedTensor(String, shard: String)
    case duplicateTensor(String, listed: String, shard: String)
    case unsafeFileName(String, tensor: String)
    case malformed(expected: String, found: String)
  }

  public var diagnosis: Diagnosis {
    switch self {
    case .cannotRead(let path, let reason):
      Diagnosis(
        what: "The file cannot be read: \(reason).", where: path,
        next: "Check the path and its permissions.")
    case .noWeights(let directory, let found):
      Diagnosis(
        what: "Expected model.safetensors or model.safetensors.index.json, found "
          + (found.isEmpty ? "an empty folder." : "\(found.joined(separator: ", "))."),
        where: directory,
        next: found.contains(where: Checkpoint.isTorchFileName)
          ? "PyTorch weights are read from pytorch_model.bin, from shards with "
            + "pytorch_model.bin.index.json, or from the folder's only .bin, .pt or .pth file."
          : "Name the folder of a Hugging Face checkpoint, or fetch it again.")
    case .document(let error): error.diagnosis
    case .header(let file, let fault): fault.diagnosis(file: file)
    case .index(let file, let fault): fault.diagnosis(file: file)
    case .noTensor(let name, let origin, let nearest):
      Diagnosis(
        what: "There is no tensor `\(name)`.", where: origin,
        next: nearest.map { "Did you mean `\($0)`?" } ?? "`koine inspect` lists the tensors.")
    case .config(let key, let origin, let expected, let found):
      Diagnosis(
        what: "`\(key)` should be \(expected), found \(found).",
        where: "\(origin)/config.json",
        next: "Restore config.json from the model's original folder.")
    case .unsupportedArchitecture(let found, let origin, let supported):
      Diagnosis(
        what: "The architecture \(found) is not supported; known: "
          + "\(supported.joined(separator: ", ")).",
        where: "\(origin)/config.json",
        next: "Use a checkpoint of a known architecture, or add its blueprint.")
    case .missingTensor(let name, let shape, let origin, let nearest):
      Diagnosis(
        what: "Expected the tensor `\(name)` of shape \(shape), found none.", where: origin,
        next: nearest.map { "The folder has `\($0)` instead; rename it or fix config.json." }
          ?? "The checkpoint is incomplete or config.json is another model's; fetch both again.")
    case .unexpectedTensor(let name, let shape, let origin, let nearest):
      Diagnosis(
        what: "Found the tensor `\(name)` of shape \(shape), which config.json gives no place.",
        where: origin,
        next: nearest.map { "Did you mean `\($0)`?" }
          ?? "config.json is another model's, or the tensor must be removed.")
    case .wrongShape(let tensor, let expected, let found, let origin):
      Diagnosis(
        what: "The tensor `\(tensor)` should have shape \(expected), found \(found).",
        where: origin,
        next: "config.json and the weights are not of one model; fetch both again.")
    case .notFinite(let tensor, let index, let value, let origin):
      Diagnosis(
        what: "Element \(grouped(index)) of the tensor `\(tensor)` is \(value).", where: origin,
        next: "The weights are damaged or their training diverged; use an earlier checkpoint.")
    case .integerWeights(let type, let tensor, let origin):
      Diagnosis(
        what: "The tensor `\(tensor)` should hold floats, found \(type.rawValue).", where: origin,
        next: "Quantised weights cannot be used; fetch the model in float32, bfloat16 or float16.")
    case .notAFloatType(let type, let tensor):
      Diagnosis(
        what: "Weights are written as floats, not as \(type.rawValue).",
        where: "tensor `\(tensor)`",
        next: "Choose F32, F16, BF16 or another float type.")
    case .targetExists(let directory, let isCheckpoint, let force):
      Diagnosis(
        what: force && !isCheckpoint
          ? "The folder is not empty and holds no checkpoint, so it is not replaced."
          : "The output folder exists and is not empty.",
        where: directory,
        next: force && !isCheckpoint
          ? "Choose another folder, or empty this one yourself."
          : "Choose another folder, or pass --force to replace it.", kind: .failed)
    case .target(let path, .noName):
      Diagnosis(
        what: path.isEmpty
          ? "The name of the output folder is empty."
          : "The output folder `\(path)` has no name of its own, so it cannot be made or replaced.",
        where: path.isEmpty ? "the output folder" : path,
        next: "Name a folder that is to be made, such as `merged`.")
    case .target(let path, .file):
      Diagnosis(
        what: "The output should be a folder, but a file has that name.", where: path,
        next: "Choose another folder, or move the file away.", kind: .failed)
    case .target(let path, .link(let destination)):
      Diagnosis(
        what: "The output is a symbolic link to `\(destination)`, which is not replaced.",
        where: path, next: "Name the folder that it leads to, or remove the link.", kind: .failed)
    case .target(let path, .foreignFile(let name)):
      Diagnosis(
        what: "The folder also holds `\(name)`, which no checkpoint has and which would be lost.",
        where: path, next: "Move it elsewhere, or choose another folder.", kind: .failed)
    case .target(let path, .input):
      Diagnosis(
        what: "The output folder is one of the inputs, which would be lost.", where: path,
        next: "Choose another folder.", kind: .failed)
    case .cannotWrite(let path, let reason, let byteCount):
      Diagnosis(
        what: "Writing failed: \(reason).", where: path,
        next: byteCount > 0
          ? "Nothing was changed. The result needs \(grouped(byteCount)) bytes; free some "
            + "space or choose another disk, and run again."
          : "Nothing was changed. \(Self.advice(reason))",
        kind: .failed)
    case .operation(let diagnosis): diagnosis
    case .interrupted:
      Diagnosis(
        what: "The writing was interrupted.", where: "the output",
        next: "Nothing was left behind; give the command again.")
    case .archive(let file, let fault): fault.diagnosis(file: file)
    case .pickle(let file, let fault): fault.diagnosis(file: file)
    case .statistics(let path, let fault): fault.diagnosis(path: path)
    case .quantization(let fault, let origin): fault.diagnosis(origin: origin)
    }
  }
}

extension CheckpointError.HeaderFault {
  fileprivate func diagnosis(file: String) -> Diagnosis {
    let incomplete = "The download is incomplete; fetch the file again."
    let damaged = "The file is damaged or was written by faulty software; fetch it again."
    func at(_ tensor: String) -> String { "\(file), tensor `\(tensor)`" }
    switch self {
    case .fileTooShort(let byteCount):
      return Diagnosis(
        what: "A safetensors file has at least 8 bytes, this one \(grouped(byteCount)).",
        where: file, next: incomplete)
    case .headerBeyondFile(let claimed, let available):
      return Diagnosis(
        what: "The header claims \(grouped(claimed)) bytes, the file holds "
          + "\(grouped(available)) after its first 8.", where: file, next: incomplete)
    case .headerTooLong(let claimed, let limit):
      return Diagnosis(
        what: "The header claims \(grouped(claimed)) bytes; at most \(grouped(limit)) are allowed.",
        where: file, next: "This is probably not a safetensors file; check what it is.")
    case .notJSON(let problem, let position):
      return Diagnosis(
        what: "The header is not well-formed JSON: \(problem).", where: "\(file), \(position)",
        next: damaged)
    case .notAnObject(let found):
      return Diagnosis(
        what: "The header should be a JSON object, found \(found).", where: file, next: damaged)
    case .metadata(let key, let found):
      return Diagnosis(
        what: key.map { "The metadata `\($0)` should be a text, found \(found)." }
          ?? "`__metadata__` should be an object of texts, found \(found).",
        where: file, next: damaged)
    case .entry(let tensor, let key, let expected, let found):
      return Diagnosis(
        what: "`\(key)` should be \(expected), found \(found).", where: at(tensor), next: damaged)
    case .unknownType(let tensor, let found, let nearest):
      return Diagnosis(
        what: "The element type `\(found)` is unknown; known: "
          + "\(ElementType.allCases.map(\.rawValue).joined(separator: ", ")).",
        where: at(tensor),
        next: nearest.map { "Perhaps `\($0)` was meant; " + damaged }
          ?? "Convert the weights to one of the known types.")
    case .shapeOverflow(let tensor, let found):
      return Diagnosis(
        what: "The shape \(found) has more bytes than a machine can count.", where: at(tensor),
        next: damaged)
    case .byteCount(let tensor, let type, let shape, let expected, let found):
      return Diagnosis(
        what: "The shape \(shape) in \(type.rawValue) takes \(grouped(expected)) bytes, "
          + "data_offsets give it \(grouped(found)).", where: at(tensor), next: damaged)
    case .reversedOffsets(let tensor, let begin, let end):
      return Diagnosis(
        what: "data_offsets end at \(grouped(end)), before they begin at \(grouped(begin)).",
        where: at(tensor), next: damaged)
    case .overlap(let tensor, let begin, let previous, let previousEnd):
      return Diagnosis(
        what: "The data begin at byte \(grouped(begin)), inside those of `\(previous)`, which end "
          + "at \(grouped(previousEnd)).", where: at(tensor), next: damaged)
    case .gap(let tensor, let begin, let previousEnd):
      return Diagnosis(
        what: "The data should begin at byte \(grouped(previousEnd)), they begin at "
          + "\(grouped(begin)).", where: at(tensor), next: damaged)
    case .beyondFile(let tensor, let end, let dataByteCount):
      return Diagnosis(
        what: "The data end at byte \(grouped(end)), the file's data at "
          + "\(grouped(dataByteCount)).", where: at(tensor), next: incomplete)
    case .trailingBytes(let expected, let found):
      return Diagnosis(
        what: "The tensors take \(grouped(expected)) bytes, the file holds \(grouped(found)) "
          + "after the header.", where: file, next: damaged)
    }
  }
}

extension CheckpointError.IndexFault {
  fileprivate func diagnosis(file: String) -> Diagnosis {
    switch self {
    case .missingShard(let shard, let tensor):
      Diagnosis(
        what: "The index places the tensor `\(tensor)` in \(shard), which is missing.",
        where: file, next: "The download is incomplete; fetch \(shard).")
    case .absentTensor(let tensor, let shard):
      Diagnosis(
        what: "The index places the tensor `\(tensor)` in \(shard), which does not hold it.",
        where: file, next: "Index and shards are of different versions; fetch all of them again.")
    case .unlistedTensor(let tensor, let shard):
      Diagnosis(
        what: "The shard \(shard) holds the tensor `\(tensor)`, which the index does not list.",
        where: file, next: "Index and shards are of different versions; fetch all of them again.")
    case .duplicateTensor(let tensor, let listed, let shard):
      Diagnosis(
        what: "The tensor `\(tensor)` is listed in \(listed) but also lies in \(shard).",
        where: file, next: "Index and shards are of different versions; fetch all of them again.")
    case .unsafeFileName(let name, let tensor):
      Diagnosis(
        what: "The index places the tensor `\(tensor)` in `\(name)`; expected the plain name of a "
          + "file in the same folder.", where: file,
        next: "Do not trust this checkpoint; fetch it from its original source.")
    case .malformed(let expected, let found):
      Diagnosis(
        what: "Expected \(expected), found \(found).", where: file,
        next: "The index is damaged; fetch it again.")
    }
  }
}

extension CheckpointError {
  /// What to do when the system refuses to write for a reason other than space.
  fileprivate static func advice(_ reason: String) -> String {
    switch reason {
    case FileSystem.reason(ENAMETOOLONG): "Choose a shorter name and run again."
    case FileSystem.reason(EROFS): "Choose a folder on a disk that can be written, and run again."
    case FileSystem.reason(EIO): "The disk or its connection fails; choose another and run again."
    case FileSystem.reason(EMFILE), FileSystem.reason(ENFILE):
      "Close other programs or raise the limit of open files (`ulimit -n`), and run again."
    default: "Check the folder's permissions and run again."
    }
  }
}

/// A number with commas between thousands.
func grouped(_ number: some BinaryInteger) -> String {
  let digits = Array(String(number.magnitude))
  var text = number < 0 ? "-" : ""
  for (position, digit) in digits.enumerated() {
    if position > 0, (digits.count - position).isMultiple(of: 3) { text.append(",") }
    text.append(digit)
  }
  return text
}
