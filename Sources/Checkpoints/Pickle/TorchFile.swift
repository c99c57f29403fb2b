// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

/// A PyTorch checkpoint (`pytorch_model.bin`, `.pt`), mapped, read without executing anything.
///
/// Such a file is a zip archive of stored entries: a pickle `data.pkl`, which names the tensors, and
/// one entry `data/<key>` per storage, which is used where it lies in the mapped file. The pickle is
/// read by a machine that knows a list of opcodes and names and runs none of them; every lie in the
/// archive, the pickle or a tensor's place is a ``CheckpointError``. After that, reading needs no
/// checks.
///
/// The file is a dictionary from name to tensor, or a dictionary with exactly one such dictionary
/// under ``wrapperKeys``. Whatever else it holds (a number of epochs, an optimizer's state, Python
/// attributes of a parameter) is no weight: it is not read, and listed in ``skipped``.
///
/// Tensors may share storages and be views of them, in any order of axes and any steps; a view that
/// shows an element twice, as an expanded tensor does, is refused, and so are files of torch before
/// 1.6, big-endian, complex, quantised and sparse ones.
public struct TorchFile: Sendable {
  /// A tensor's name, type and shape.
  public struct Entry: Sendable, Equatable {
    public let name: String
    public let info: TensorInfo
    /// Whether the elements lie one after another in the file; others are gathered when read.
    public let isContiguous: Bool
  }

  /// Something in the file that is no tensor.
  public struct Skipped: Sendable, Equatable {
    /// Its key.
    public let name: String
    /// What it is: `a number`, `a dictionary of 3`, `Python attributes`.
    public let kind: String
  }

  /// The keys under which training programs put the weights, beside other things.
  public static let wrapperKeys = ["state_dict", "model_state_dict", "model"]

  public let path: String
  /// The tensors in the order of the dictionary.
  public let entries: [Entry]
  /// What the file holds besides tensors, in its order.
  public let skipped: [Skipped]
  private let readers: [any TensorReader]

  /// Opens and checks the file; reads the archive's directory and the pickle only.
  public init(_ path: String) throws(CheckpointError) {
    try self.init(MappedFile(path))
  }

  package init(_ file: MappedFile) throws(CheckpointError) {
    let archive: ZipArchive
    let folder: String
    let pickle: [UInt8]
    do throws(CheckpointError.ArchiveFault) {
      archive = try ZipArchive(file)
      (folder, pickle) = try Self.pickle(of: archive)
    } catch {
      throw .archive(file: file.path, error)
    }
    try self.init(archive, folder: folder, pickle: pickle)
  }

  /// What a pickle says of the storages in an archive's folder.
  init(_ archive: ZipArchive, folder: String, pickle: [UInt8]) throws(CheckpointError) {
    let file = archive.file
    do throws(CheckpointError.PickleFault) {
      var machine = PickleMachine(pickle)
      let root = try machine.run()
      var views = TorchViews(archive: archive, folder: folder, machine: machine)
      let found = try TorchDictionary(root, in: machine)
      var entries: [Entry] = []
      var readers: [any TensorReader] = []
      for (name, number) in found.tensors {
        let view = try views.check(number, place: "tensor `\(name)`")
        let reader = view.reader(of: file)
        entries.append(Entry(name: name, info: view.info, isContiguous: reader is StoredReader))
        readers.append(reader)
      }
      try views.checkOthers()
      self.entries = entries
      self.readers = readers
      skipped = found.skipped
    } catch {
      throw .pickle(file: file.path, error)
    }
    path = file.path
  }

  /// The tensors as sources that share the mapping.
  package var sources: [(name: String, source: TensorSource)] {
    zip(entries, readers).map { entry, reader in
      (entry.name, TensorSource(info: entry.info, origin: path) { reader })
    }
  }

  /// Checks the archive as one of torch's, and returns its folder's name and its pickle.
  static func pickle(
    of archive: ZipArchive
  ) throws(CheckpointError.ArchiveFault) -> (folder: String, bytes: [UInt8]) {
    let suffix = "/data.pkl"
    let found = archive.entries.filter {
      $0.name.hasSuffix(suffix) && !$0.name.dropLast(suffix.count).contains("/")
    }
    guard found.count == 1, let entry = found.first else { throw .pickleCount(found.count) }
    let folder = String(entry.name.dropLast(suffix.count))
    for other in archive.entries where !other.name.hasPrefix(folder + "/") {
      throw .foreignEntry(other.name, folder: folder)
    }
    if let constants = archive["\(folder)/constants.pkl"] {
      throw .torchScript(entry: constants.name)
    }
    // Absent before torch 2.0, which wrote on little-endian machines only or did not say.
    if let order = archive["\(folder)/byteorder"] {
      let text = archive.file.bytes(order.offset..<(order.offset + min(16, order.byteCount)))
      guard order.byteCount == 6, text.elementsEqual("little".utf8) else {
        throw .byteOrder(found: String(decoding: text, as: UTF8.self))
      }
    }
    guard entry.byteCount <= PickleMachine.byteLimit else {
      throw .pickleTooLong(claimed: entry.byteCount, limit: PickleMachine.byteLimit)
    }
    return (folder, archive.file.bytes(entry.offset..<(entry.offset + entry.byteCount)))
  }
}

/// The dictionary of tensors inside a pickle's value, and what is beside it.
struct TorchDictionary {
  private typealias Fault = CheckpointError.PickleFault

  /// Each name and the tensor's number in the machine.
  private(set) var tensors: [(name: String, number: UInt32)] = []
  private(set) var skipped: [TorchFile.Skipped] = []

  init(
    _ root: PickleValue, in machine: PickleMachine
  ) throws(CheckpointError.PickleFault) {
    guard case .dictionary(let number) = root else { throw .root(found: root.kind) }
    let outer = machine.dictionaries[Int(number)]
    let wrapped = outer.pairs.filter { pair in
      guard case .dictionary(let inner) = pair.value, let key = Self.label(pair.key, machine)
      else { return false }
      return TorchFile.wrapperKeys.contains(key)
        && Self.holdsTensors(machine.dictionaries[Int(inner)])
    }
    var choices = wrapped.compactMap { Self.label($0.key, machine).map { "`\($0)`" } }
    if Self.holdsTensors(outer) { choices.insert("the file's own", at: 0) }
    guard choices.count <= 1 else { throw .ambiguous(choices) }
    guard let first = wrapped.first, case .dictionary(let inner) = first.value else {
      guard choices.count == 1 else {
        let keys = outer.pairs.prefix(8).map { pair in
          Self.label(pair.key, machine).map { "`\($0)`" } ?? pair.key.kind
        }
        throw .root(
          found: outer.pairs.isEmpty
            ? "an empty dictionary" : "a dictionary with \(keys.joined(separator: ", "))")
      }
      try read(outer, machine)
      return
    }
    for pair in outer.pairs where pair.value != first.value { skip(pair, machine) }
    note(attributes: outer, machine)
    try read(machine.dictionaries[Int(inner)], machine)
  }

  private static func holdsTensors(_ dictionary: PickleMachine.Dictionary) -> Bool {
    dictionary.pairs.contains {
      if case .tensor = $0.value { true } else { false }
    }
  }

  /// A text; `nil` for other values and other bytes. Its length is not bounded, so it is made only
  /// where the same text is not met again.
  private static func text(_ value: PickleValue, _ machine: PickleMachine) -> String? {
    guard case .text(let range) = value else { return nil }
    return String(validating: machine.bytes[range.indices], as: UTF8.self)
  }

  /// The start of a key: enough to compare with a key that is known, and for a list of what there is.
  /// (A pickle can use one text of megabytes as a key a million times.)
  private static func label(_ value: PickleValue, _ machine: PickleMachine) -> String? {
    guard case .text(let range) = value else { return nil }
    return shortened(String(decoding: machine.bytes[range.indices].prefix(100), as: UTF8.self))
  }

  private mutating func read(
    _ dictionary: PickleMachine.Dictionary, _ machine: PickleMachine
  ) throws(CheckpointError.PickleFault) {
    var names: Set<String> = []
    for pair in dictionary.pairs {
      guard case .tensor(let number) = pair.value else {
        skip(pair, machine)
        continue
      }
      guard let name = Self.text(pair.key, machine) else {
        throw .name(
          found: pair.key.kind == "a text" ? "one in other bytes" : pair.key.kind)
      }
      guard names.insert(name).inserted else { throw .duplicateTensor(name) }
      tensors.append((name, number))
      if machine.tensors[Int(number)].hasAttributes {
        skipped.append(.init(name: name, kind: "Python attributes"))
      }
    }
    note(attributes: dictionary, machine)
  }

  private mutating func skip(
    _ pair: (key: PickleValue, value: PickleValue), _ machine: PickleMachine
  ) {
    var kind = pair.value.kind
    if case .dictionary(let number) = pair.value {
      kind = "a dictionary of \(grouped(machine.dictionaries[Int(number)].pairs.count))"
    }
    let name = Self.label(pair.key, machine) ?? pair.key.kind
    skipped.append(.init(name: name, kind: kind))
  }

  /// `_metadata`, the versions of torch's modules, is in every state dict and says nothing here.
  private mutating func note(
    attributes dictionary: PickleMachine.Dictionary, _ machine: PickleMachine
  ) {
    guard let number = dictionary.attributes else { return }
    for pair in machine.dictionaries[Int(number)].pairs
    where Self.label(pair.key, machine) != "_metadata" { skip(pair, machine) }
  }
}
