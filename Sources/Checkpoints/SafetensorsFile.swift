// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

/// A safetensors file, mapped, its header checked once on opening.
///
/// The format: the header's length as 8 little-endian bytes, a JSON header
/// `{name: {dtype, shape, data_offsets}, "__metadata__": {text: text}}`, then the data, which the
/// tensors cover from the first byte to the last without holes. Every lie a header can tell is a
/// ``CheckpointError/header(file:_:)``; after that, reading needs no checks.
public struct SafetensorsFile: Sendable {
  /// A tensor's place in the file.
  public struct Entry: Sendable, Equatable {
    public let name: String
    public let info: TensorInfo
    /// Byte offset from the start of the file.
    public let offset: Int
  }

  /// The longest header accepted, as in the reference implementation.
  public static let headerByteLimit = 100_000_000

  public let path: String
  /// The tensors in the order of their data.
  public let entries: [Entry]
  /// `__metadata__`, in the order of the header; empty when there is none.
  public let metadata: [(key: String, value: String)]
  package let file: MappedFile

  /// Opens and checks the file; reads the header only.
  public init(_ path: String) throws(CheckpointError) {
    try self.init(MappedFile(path))
  }

  package init(_ file: MappedFile) throws(CheckpointError) {
    let header: SafetensorsHeader
    do throws(CheckpointError.HeaderFault) {
      header = try SafetensorsHeader(file: file)
    } catch {
      throw .header(file: file.path, error)
    }
    path = file.path
    self.file = file
    entries = header.entries
    metadata = header.metadata
  }

  /// The tensors as sources that share the mapping.
  package var sources: [(name: String, source: TensorSource)] {
    entries.map { entry in
      let reader = StoredReader(info: entry.info, storage: .file(file, offset: entry.offset))
      return (entry.name, TensorSource(info: entry.info, origin: path) { reader })
    }
  }
}

extension CheckpointError.HeaderFault: Error {}
