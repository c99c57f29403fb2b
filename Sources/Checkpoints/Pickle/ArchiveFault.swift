// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

extension CheckpointError {
  /// How the container of a PyTorch file is not what PyTorch writes.
  public enum ArchiveFault: Error, Equatable, Sendable {
    /// A file that PyTorch may read, but not of the kind this reader knows.
    case notAnArchive(Format)
    case noEndRecord(byteCount: Int)
    /// A record of the container contradicts another or the file; `offset` is the record's byte.
    case record(String, offset: Int, expected: String, found: String)
    case directoryTooLong(claimed: Int, limit: Int)
    case encrypted(entry: String)
    case compressed(entry: String, method: Int)
    case duplicateEntry(String)
    case entryBeyondFile(String, end: Int, limit: Int)
    case overlap(String, begin: Int, previous: String, previousEnd: Int)
    /// No entry, or more than one, is `<folder>/data.pkl`.
    case pickleCount(Int)
    case foreignEntry(String, folder: String)
    case pickleTooLong(claimed: Int, limit: Int)
    case torchScript(entry: String)
    case byteOrder(found: String)

    /// What a file is instead of a zip archive, by its first bytes.
    public enum Format: Equatable, Sendable {
      /// The stream of pickles that torch wrote before version 1.6.
      case legacy
      case tar
      /// A text that stands for the file in a Git LFS repository.
      case lfsPointer
      case unknown(firstBytes: [UInt8])
    }
  }
}

extension CheckpointError.ArchiveFault {
  func diagnosis(file: String) -> Diagnosis {
    let incomplete = "The download is incomplete; fetch the file again."
    let damaged = "The file is damaged or was written by faulty software; fetch it again."
    let saveAgain = "Load it with torch where you trust it, and save it with torch.save "
    switch self {
    case .notAnArchive(.legacy):
      return Diagnosis(
        what: "The file is in the format of torch before 1.6, expected its zip format.",
        where: file, next: saveAgain + "of 1.6 or later, or as safetensors.")
    case .notAnArchive(.tar):
      return Diagnosis(
        what: "The file is a tar archive, as torch before 0.1.10 wrote, expected a zip archive.",
        where: file, next: saveAgain + "of 1.6 or later, or as safetensors.")
    case .notAnArchive(.lfsPointer):
      return Diagnosis(
        what: "The file is a Git LFS pointer, expected the weights it stands for.", where: file,
        next: "Run `git lfs pull` in the repository, or download the file itself.")
    case .notAnArchive(.unknown(let bytes)):
      let shown = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
      return Diagnosis(
        what: "A PyTorch file begins with the bytes 50 4b 03 04, this one "
          + (bytes.isEmpty ? "is empty." : "with \(shown.joined(separator: " "))."),
        where: file, next: "Check what the file is; fetch it again if it should hold weights.")
    case .noEndRecord(let byteCount):
      return Diagnosis(
        what: "Expected the archive's directory at the end of the file, found none in "
          + "\(grouped(byteCount)) bytes.", where: file, next: incomplete)
    case .record(let record, let offset, let expected, let found):
      return Diagnosis(
        what: "\(record) should be \(expected), found \(found).",
        where: "\(file), byte \(grouped(offset))", next: damaged)
    case .directoryTooLong(let claimed, let limit):
      return Diagnosis(
        what: "The archive's directory claims \(grouped(claimed)) bytes; at most "
          + "\(grouped(limit)) are allowed.", where: file, next: damaged)
    case .encrypted(let entry):
      return Diagnosis(
        what: "The entry `\(shortened(entry))` is encrypted, expected plain bytes.", where: file,
        next: saveAgain + "or as safetensors.")
    case .compressed(let entry, let method):
      return Diagnosis(
        what: "The entry `\(shortened(entry))` is compressed (zip method \(method)), expected "
          + "stored bytes.", where: file,
        next: "torch.save compresses nothing: pack the archive again without compression "
          + "(`zip -0`), or fetch the original file.")
    case .duplicateEntry(let entry):
      return Diagnosis(
        what: "The archive holds `\(shortened(entry))` twice, expected each name once.",
        where: file, next: "Do not trust this file; fetch it from its original source.")
    case .entryBeyondFile(let entry, let end, let limit):
      return Diagnosis(
        what: "The entry `\(shortened(entry))` ends at byte \(grouped(end)), the archive's data "
          + "at \(grouped(limit)).", where: file, next: incomplete)
    case .overlap(let entry, let begin, let previous, let previousEnd):
      return Diagnosis(
        what: "The entry `\(shortened(entry))` begins at byte \(grouped(begin)), inside "
          + "`\(shortened(previous))`, which ends at \(grouped(previousEnd)).",
        where: file, next: "Do not trust this file; fetch it from its original source.")
    case .pickleCount(let count):
      return Diagnosis(
        what: "Expected one entry <folder>/data.pkl, found \(count == 0 ? "none" : "\(count)").",
        where: file, next: "This is a zip archive but not a PyTorch file; check what it is.")
    case .foreignEntry(let entry, let folder):
      return Diagnosis(
        what: "Expected all entries in the folder `\(shortened(folder))`, found "
          + "`\(shortened(entry))`.", where: file,
        next: "Do not trust this file; fetch it from its original source.")
    case .pickleTooLong(let claimed, let limit):
      return Diagnosis(
        what: "The entry data.pkl has \(grouped(claimed)) bytes; at most \(grouped(limit)) are "
          + "allowed.", where: file,
        next: "Save the weights alone, without other objects, or as safetensors.")
    case .torchScript(let entry):
      return Diagnosis(
        what:
          "The file is a TorchScript program (it holds `\(shortened(entry))`), expected weights.",
        where: file, next: "Save the program's state_dict with torch.save, or as safetensors.")
    case .byteOrder(let found):
      return Diagnosis(
        what: "The entry byteorder should be `little`, found `\(shortened(found))`.", where: file,
        next: "Save the file again on a little-endian machine, or as safetensors.")
    }
  }
}

/// A text from a file, cut for a message: a damaged file can hold names of megabytes.
func shortened(_ text: String) -> String {
  let scalars = text.unicodeScalars
  guard let end = scalars.index(scalars.startIndex, offsetBy: 80, limitedBy: scalars.endIndex),
    end != scalars.endIndex
  else { return text }
  return String(scalars[..<end]) + "…"
}
